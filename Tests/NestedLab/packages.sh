# shellcheck shell=bash
# What the nested lab needs and a Swift toolchain does not bring: a kernel with KVM, a shell for it,
# jq for the reports, QEMU. Debian's packages are unpacked in the lab's own folder, not installed;
# only QEMU, which has many parts, has to be installed, and is when this runs as root.

# The package of the newest cloud kernel. The one for clouds boots fast, and has KVM's modules.
kernel_package() {
  apt-cache depends linux-image-cloud-amd64 2> /dev/null \
    | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# Brings the lists of packages up to date, where that is allowed.
update_package_lists() {
  if [ "$(id -u)" -eq 0 ]; then apt-get update -qq; fi
}

install_qemu() {
  if command -v qemu-system-x86_64 > /dev/null; then return; fi
  if [ "$(id -u)" -ne 0 ]; then
    die "qemu-system-x86_64 is not on PATH; install the package qemu-system-x86"
  fi
  update_package_lists
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-system-x86 \
    > /dev/null
}

# download FOLDER: fetches the packages into FOLDER, and names them.
download() (
  cd "$1" || exit 1
  kernel=$(kernel_package)
  [ -n "$kernel" ] || exit 1
  # apt warns that it cannot drop its privileges in a folder of ours.
  apt-get download -qq "$kernel" busybox-static jq libjq1 libonig5 2> download.log
)

# unpack_packages FOLDER: leaves the packages unpacked in FOLDER/root, once.
unpack_packages() {
  local folder=$1 archive
  if [ -e "$folder/complete" ]; then return; fi
  rm -rf "$folder"
  mkdir -p "$folder/root"
  if ! download "$folder"; then
    update_package_lists
    download "$folder" || die "cannot download the lab's packages; see $folder/download.log"
  fi
  for archive in "$folder"/*.deb; do dpkg -x "$archive" "$folder/root"; done
  rm "$folder"/*.deb
  touch "$folder/complete"
}
