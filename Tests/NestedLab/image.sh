# shellcheck shell=bash
# The file system of a host of the nested lab: one cpio archive, which is not compressed, because the
# emulator would take longer to unpack it than to load it.

# libraries PROGRAM...: the shared libraries that the programs need, one a line.
libraries() {
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u
}

# copy_programs ROOT PROGRAM...: the programs and their libraries, without symbols.
copy_programs() {
  local root=$1 library
  shift
  cp "$@" "$root/lab/bin/"
  libraries "$@" | while read -r library; do cp -L "$library" "$root/usr/lib/"; done
  strip --strip-unneeded "$root"/lab/bin/* "$root"/usr/lib/*
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
}

# copy_kernel_modules PACKAGES ROOT: KVM, in the three modules that it has on AMD.
copy_kernel_modules() {
  local modules
  modules=$(echo "$1"/lib/modules/*/kernel)
  cp "$modules/virt/lib/irqbypass.ko" "$modules/arch/x86/kvm/kvm.ko" \
    "$modules/arch/x86/kvm/kvm-amd.ko" "$2/modules/"
}

# make_image FOLDER PACKAGES LAB STEPS PROGRAM...: writes FOLDER/initrd, which begins with the init
# in the folder LAB and runs the file STEPS.
make_image() {
  local folder=$1 packages=$2 lab=$3 steps=$4 root=$1/root
  shift 4
  rm -rf "$root"
  mkdir -p "$root"/{bin,dev,lab/bin,lib64,modules,proc,sys,tmp,usr/lib}
  cp "$packages/bin/busybox" "$root/bin/"
  copy_kernel_modules "$packages" "$root"
  copy_programs "$root" "$@"
  cp -r Examples "$root/lab/"
  cp -r Tests/kvmptTests/Fixtures "$root/lab/"
  cp "$steps" "$root/lab/run"
  install -m 755 "$lab/init" "$root/init"
  (cd "$root" && find . | "$packages/bin/busybox" cpio -o -H newc) > "$folder/initrd" 2> /dev/null
  rm -rf "$root"
}
