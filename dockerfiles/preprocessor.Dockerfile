# syntax=docker/dockerfile:1
# The preprocessor service. Targets: cpu (the default), webgpu, webgpu-mesa, cuda.
#   docker build -f dockerfiles/preprocessor.Dockerfile -t armature-preprocessor:cpu .
# docs/containers.md has the sizes, the other engines, and what the layers hold.

# For a build that can be repeated, name it with its digest: --build-arg NODE_IMAGE=docker.io/library/node:24-bookworm-slim@sha256:...
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
# Where the cuda target finds CUDA 13 and cuDNN 9. Nothing else of it is used.
ARG CUDA_IMAGE=docker.io/nvidia/cuda:13.0.1-cudnn-runtime-ubuntu22.04

# What npm reads of the workspaces: packages are installed again only when one of these files changes.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /manifests
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS installed
# binutils has strip, for Node's symbol table; tini is PID 1 of the image; slim images lack certificates
RUN apt-get update && apt-get install -y --no-install-recommends binutils tini \
  $(test -f /etc/ssl/certs/ca-certificates.crt || echo ca-certificates)
WORKDIR /build
COPY --from=manifests /manifests/ ./
RUN npm ci

FROM installed AS build
COPY . .
RUN npm run build
ARG TARGETARCH
RUN node scripts/dist/assemble-image.js --service preprocessor --platform "linux/${TARGETARCH}" --out /image

# linux/x64 only, as is WebGPU in onnxruntime-node: the Vulkan loader, and the libraries that NVIDIA's driver expects beside it. The driver itself comes with the machine.
FROM build AS webgpu-libraries
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 libx11-6 libxext6 libglvnd0
RUN node scripts/dist/assemble-libraries.js --platform linux/x64 --base /image --out /webgpu \
  libvulkan.so.1 libX11.so.6 libXext.so.6 libGLdispatch.so.0

# Mesa's drivers for AMD and Intel, and lavapipe, which needs no card. Debian 12's own Mesa is too old for onnxruntime's WebGPU.
FROM webgpu-libraries AS mesa-libraries
ARG MESA_SUITE=bookworm-backports
RUN echo "deb http://deb.debian.org/debian ${MESA_SUITE} main" > /etc/apt/sources.list.d/mesa.list \
  && apt-get update && apt-get install -y --no-install-recommends --target-release "${MESA_SUITE}" mesa-vulkan-drivers
RUN node scripts/dist/assemble-libraries.js --platform linux/x64 --base /image --base /webgpu --out /mesa \
  libvulkan_radeon.so libvulkan_intel.so libvulkan_lvp.so \
  && mkdir -p /mesa/usr/share/vulkan/icd.d && cd /usr/share/vulkan/icd.d \
  && cp -p radeon_icd*.json intel_icd*.json lvp_icd*.json /mesa/usr/share/vulkan/icd.d/

# onnxruntime's CUDA provider, with a pinned checksum, and what it links: the build fails where a library is missing. Every cuDNN
# library is opened by name at run time.
FROM ${CUDA_IMAGE} AS cuda-image
FROM build AS cuda-libraries
COPY --from=cuda-image /usr/local/cuda/lib64/ /cuda/
COPY --from=cuda-image /usr/lib/x86_64-linux-gnu/libcudnn*.so.9 /cuda/
RUN LD_LIBRARY_PATH=/cuda node scripts/dist/install-cuda.js --no-driver \
  && node scripts/dist/assemble-image.js --service preprocessor --platform linux/x64 --out /cuda-image \
  && node scripts/dist/assemble-libraries.js --platform linux/x64 --base /cuda-image --out /cuda-libraries --from /cuda \
  --for node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so \
  $(cd /cuda && ls libcudnn*.so.9 libnvrtc.so.13 libnvrtc-builtins.so.*)

# What every target's image says of itself. No shell, no package manager, no root.
FROM scratch AS described
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG NODE_IMAGE
LABEL org.opencontainers.image.title="armature-preprocessor" \
  org.opencontainers.image.description="Picture in, control image out: the annotators of ControlNet" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="${NODE_IMAGE}"
ENV PATH=/usr/local/bin NODE_ENV=production HOST=:: PORT=2222 CACHE_DIR=/cache HOME=/cache
USER 65532:65532
EXPOSE 2222
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/usr/local/bin/node", "/app/dockerfiles/healthcheck.mjs"]
# a PID 1 that hears signals from its start; Node does once it runs its first line
COPY --from=installed /usr/bin/tini /usr/bin/tini
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/node"]
CMD ["/app/services/preprocessor/dist/main.js"]

FROM described AS cuda
COPY --from=cuda-libraries /cuda-image/base/ /
COPY --from=cuda-libraries /cuda-image/node/ /
COPY --from=cuda-libraries /cuda-libraries/ /
COPY --from=cuda-libraries /cuda-image/dependencies/ /
COPY --from=cuda-libraries --chown=65532:65532 /cuda-image/state/ /
COPY --from=cuda-libraries /cuda-image/weights/ /
COPY --from=cuda-libraries /cuda-image/app/ /
ENV DEVICE=cuda NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM described AS service
COPY --from=build /image/base/ /
COPY --from=build /image/node/ /
COPY --from=build /image/dependencies/ /
COPY --from=build --chown=65532:65532 /image/state/ /
COPY --from=build /image/weights/ /
COPY --from=build /image/app/ /

FROM service AS webgpu
COPY --from=webgpu-libraries /webgpu/ /
ENV DEVICE=webgpu NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics

FROM webgpu AS webgpu-mesa
COPY --from=mesa-libraries /mesa/ /

FROM service AS cpu
