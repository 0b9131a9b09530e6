#!/usr/bin/env bash
# Installs a software Vulkan device (Mesa's lavapipe), so that the WebGPU tests run on a machine without a GPU.
# Debian 12's own lavapipe is too old for the runtime: its backport is taken. Prints how long it took, and on its last line
# the variables that the tests want. Shaders are kept in the cache folder, so that a second run compiles none.
set -euo pipefail

cache="${SHADER_CACHE_DIR:-$HOME/.cache/armature-shaders}"
start=$SECONDS

release() { . /etc/os-release && echo "${ID:-}:${VERSION_CODENAME:-}"; }
# Where this machine gets its packages from.
mirror() { apt-cache policy | grep -oE 'https?://[^ ]+' | grep -v security | head -1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
lavapipe() { ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -1; }

if [ -z "$(lavapipe)" ]; then
  from=()
  if [ "$(release)" = debian:bookworm ]; then
    echo "deb $(mirror) bookworm-backports main" |
      as_root tee /etc/apt/sources.list.d/armature-backports.list >/dev/null
    from=(-t bookworm-backports)
  fi
  as_root apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -qq -y --no-install-recommends \
    "${from[@]}" libvulkan1 mesa-vulkan-drivers >&2
fi
manifest="$(lavapipe)"
mkdir -p "$cache"
echo "software Vulkan device: $((SECONDS - start)) s; shader cache: $(du -sh "$cache" | cut -f1)" >&2
echo "VK_ICD_FILENAMES=$manifest XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp} MESA_SHADER_CACHE_DIR=$cache"
