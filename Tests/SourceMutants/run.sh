#!/bin/sh
# Builds the core with one deliberate bug after the other and checks that the suite named beside it
# fails: a mutant that survives is a missing check. Takes about a minute for each: only the files that
# the suite needs are built.
#
# run.sh [live] [NUMBER...] runs these lines of mutants.txt only, counted without comments; with `live`
# those of live.txt, which are about shared page tables.
set -eu
list=mutants module=GuestMem
if [ "${1:-}" = live ]; then
  list=live module=LiveMem
  shift
fi
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${KVMPT_MUTANTS:-$(mktemp -d)}
mkdir -p "$work/Tests"
cp -R "$root/Sources" "$work/"
cp -R "$root/Tests/TestSupport" "$root/Tests/Coroutines" "$work/"
# What needs a guest is not about the core.
find "$root/Tests/${module}Tests" -name '*.swift' \
  ! -name '*HardwareProbeTests.swift' >"$work/files"
cat >"$work/Package.swift" <<'MANIFEST'
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "mutant",
  targets: [
    .systemLibrary(name: "CAtomics"),
    .systemLibrary(name: "CLinux"),
    .target(name: "MMU", swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]),
    .target(
      name: "GuestMem", dependencies: ["CAtomics", "CLinux", "MMU"],
      swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]),
    .target(
      name: "LiveMem", dependencies: ["CAtomics", "CLinux", "GuestMem", "MMU"],
      swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]),
    .target(name: "TestSupport", path: "TestSupport"),
    .target(name: "Coroutines", path: "Coroutines"),
    .testTarget(
      name: "MODULETests",
      dependencies: ["CLinux", "Coroutines", "GuestMem", "LiveMem", "MMU", "TestSupport"],
      swiftSettings: [
        .unsafeFlags(["-O", "-wmo", "-num-threads", "2", "-disable-batch-mode"])
      ]),
  ],
  swiftLanguageModes: [.v6]
)
MANIFEST
sed -i "s/MODULETests/${module}Tests/" "$work/Package.swift"
cd "$work"
number=0
survivors=0
grep -v '^#' "$here/$list.txt" >"$work/list"
while IFS= read -r line; do
  number=$((number + 1))
  if [ $# -gt 0 ] && ! echo " $* " | grep -q " $number "; then continue; fi
  MUTANT="$line" MODULE="$module" perl -e '
    my ($name, $file, $old, $new, $suite) =
      map { s/^\s+|\s+$//gr =~ s/\\\|/|/gr =~ s/\\n/\n/gr } split / \| (?<!\\)/, $ENV{MUTANT};
    open my $in, "<", "Sources/$ENV{MODULE}/$file" or die "$file: $!"; local $/; my $text = <$in>;
    my $place = index $text, $old;
    die "$name: the text is not in $file\n" if $place < 0;
    open my $keep, ">", "original" or die; print $keep $text; close $keep;
    substr($text, $place, length $old) = $new;
    open my $out, ">", "Sources/$ENV{MODULE}/$file" or die; print $out $text; close $out;
    open my $info, ">", "current" or die; print $info "$name\n$file\n$suite\n";'
  name=$(sed -n 1p current) file=$(sed -n 2p current) suite=$(sed -n 3p current)
  # The file of the suite, and those that declare what the files so far name.
  rm -rf "Tests/${module}Tests"
  mkdir "Tests/${module}Tests"
  SUITE="$suite" perl -e '
    my (%text, %names);
    while (my $file = <STDIN>) {
      chomp $file; open my $in, "<", $file or die "$file: $!"; local $/; $text{$file} = <$in>;
      my $types = qr/struct|enum|class|actor|protocol|typealias|extension|func|let|var/;
      while ($text{$file} =~ /^(?:@\w+ |final |public )*(?:$types) (\w+)/mg) {
        $names{$file}{$1} = 1;
      }
    }
    my @open = grep { $text{$_} =~ /^(?:final )?(?:struct|class) $ENV{SUITE}\b/m } keys %text;
    die "no file declares $ENV{SUITE}\n" unless @open;
    my %needed = map { $_ => 1 } @open;
    while (defined(my $file = shift @open)) {
      my %words = map { $_ => 1 } $text{$file} =~ /\b(\w+)\b/g;
      for my $other (keys %text) {
        next if $needed{$other} || !grep { $words{$_} } keys %{$names{$other}};
        $needed{$other} = 1; push @open, $other;
      }
    }
    print map { "$_\n" } sort keys %needed;' <files | while IFS= read -r needed; do
    cp "$needed" "Tests/${module}Tests/"
  done
  if ! swift build --build-tests >log 2>&1; then
    verdict="DOES NOT BUILD"
    survivors=$((survivors + 1))
  elif timeout 300 swift test --skip-build --filter "$suite" >log 2>&1; then
    verdict="SURVIVED $suite"
    survivors=$((survivors + 1))
  else
    verdict="caught by $suite"
  fi
  echo "$number. $name: $verdict"
  cp original "Sources/$module/$file"
done <list
[ "$survivors" -eq 0 ]
