# shellcheck shell=bash
# Boots a host of the nested lab in QEMU's emulator and keeps what it says.

# Without a line for so long, a host counts as hung. Every step ends earlier by its own limit.
silence=2500

# The process of the host that runs, for the trap that kills it.
emulator=

stop_emulator() {
  if [ -n "$emulator" ]; then kill -KILL "$emulator" 2> /dev/null || true; fi
  emulator=
}

# start_emulator FOLDER PACKAGES MODEL PROCESSORS THREADS PARAMETERS: QEMU, whose standard output is the
# second serial port. "no_timer_check": where two processors are busy, the emulated timer ticks too late
# for the kernel's check of it.
start_emulator() {
  local folder=$1 packages=$2
  exec qemu-system-x86_64 -machine q35 -accel "tcg,thread=$5" -cpu "$3" -smp "$4" -m 2G \
    -nodefaults -no-user-config -display none -no-reboot \
    -serial "file:$folder/console" -chardev stdio,id=steps,signal=off -serial chardev:steps \
    -kernel "$packages"/boot/vmlinuz-* -initrd "$folder/../initrd" \
    -append "console=ttyS0 quiet panic=-1 tsc=unstable no_timer_check nowatchdog kvm-amd=$6" \
    < /dev/null 2> "$folder/emulator"
}

# boot NAME FOLDER PACKAGES MODEL PROCESSORS THREADS PARAMETERS: runs the host to its end. Leaves what it said in
# FOLDER/steps and FOLDER/console, and says on standard error how far it is.
boot() {
  local name=$1 folder=$2 line code started=$SECONDS
  shift
  mkdir -p "$folder"
  exec 4< <(start_emulator "$@")
  emulator=$!
  while true; do
    code=0
    IFS= read -r -t "$silence" -u 4 line || code=$?
    if [ "$code" -ne 0 ]; then break; fi
    printf '%s\n' "$line" >&5
    case $line in
      @ready* | @end*) printf '%s: %s\n' "$name" "${line#@}" >&2 ;;
    esac
  done 5> "$folder/steps"
  # Above 128: read waited in vain.
  if [ "$code" -gt 128 ]; then printf '@hung %s\n' "$silence" >> "$folder/steps"; fi
  stop_emulator
  exec 4<&-
  printf '%s\n' "$((SECONDS - started))" > "$folder/seconds"
}
