/** HEALTHCHECK of the images, which have no curl and no shell: exit code 0 if the service in this container answers. */
const { PORT, ADMIN_PORT } = process.env;
const answer = await fetch(`http://127.0.0.1:${ADMIN_PORT || PORT}/healthz`, {
  signal: AbortSignal.timeout(2000),
}).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
