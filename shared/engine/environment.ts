/** Which environment variables an engine process gets: what system and native libraries read, and nothing else. */

/** A trailing `*` stands for any ending. NODE_OPTIONS is left out: `--inspect` would clash, and limits are set by `execArgv`. */
const PASSED = [
  ...["PATH", "HOME", "USER", "LANG", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP", "SystemRoot", "windir", "LOCALAPPDATA"],
  ...["LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "MALLOC_*", "GLIBC_TUNABLES"],
  ...[
    "ORT_*",
    "OMP_*",
    "CUDA_*",
    "CUDNN_*",
    "CUBLAS_*",
    "NVIDIA_*",
    "VK_*",
    "MESA_*",
    "XDG_*",
    "DISPLAY",
    "WAYLAND_DISPLAY",
  ],
];

/**
 * What an engine has unless the service's environment says otherwise: weights come and go in blocks of 1 to 60 MB, and glibc's usual way
 * with them, small pages and keeping what is freed, takes three times as long and 1.2 GB more (docs/performance.md). Other C
 * libraries do not read it.
 */
const DEFAULTS = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1048576" };

/** The variables of `source` that an engine may see, so that no key or token of the service reaches it, and then `added`. */
export function engineEnvironment(
  source: Readonly<Record<string, string | undefined>>,
  added: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const passed = Object.entries(source).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && PASSED.some((pattern) => matches(entry[0], pattern));
  });
  return { ...DEFAULTS, ...Object.fromEntries(passed), ...added };
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
