// What the commands write that need no machine, word for word.

import Foundation
import TestImages
import Testing

@testable import kvmpt

@Suite("Every command writes what it wrote")
struct RecordedRunTests {
  @Test("Each run writes the recorded text, and ends with the recorded code", arguments: runs)
  func each(_ group: RecordedGroup) throws {
    var text = ""
    for arguments in group.runs {
      let run = try ProgramRun(arguments.map(Self.path))
      text += "$ kvmpt \(arguments.joined(separator: " "))\n"
      text += Self.portable(run.output)
      if !run.errors.isEmpty { text += "--- on standard error\n" + Self.portable(run.errors) }
      text += "--- exit code \(run.exitCode)\n\n"
    }
    try Recording(name: group.name).check(text)
  }

  /// The files that runs name, by the names that stand in the recordings.
  private static let files: [(name: String, path: String)] = [
    ("RAW", OptionImages.shared.raw), ("CORE", OptionImages.shared.core),
    ("LINUX", LinuxCaseTests.core), ("Examples", "\(PackageFiles.root)/Examples"),
    ("Recorded", "\(PackageFiles.root)/Tests/kvmptTests/Recorded/Texts"),
    ("Fixtures", "\(PackageFiles.root)/Tests/kvmptTests/Fixtures"),
  ]

  private static func path(_ argument: String) -> String {
    for file in files where argument == file.name || argument.hasPrefix(file.name + "/") {
      return file.path + argument.dropFirst(file.name.count)
    }
    return argument
  }

  /// The text with the names of files that the recordings use.
  private static func portable(_ text: String) -> String {
    let named = files.reduce(text) { $0.replacing($1.path, with: $1.name) }
    // The title of a file that convert makes is the image's.
    return Recording.withoutTimes(named.replacing(/kvmpt-image-[0-9-]+/, with: "IMAGE"))
  }
}

/// The runs whose texts stand in one file.
struct RecordedGroup: CustomTestStringConvertible {
  let name: String
  let runs: [[String]]

  var testDescription: String { name }

  /// The runs, each a line of words.
  init(_ name: String, _ lines: String) {
    self.name = name
    runs = lines.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
  }
}

extension RecordedRunTests {
  /// No machine: what is asked and what the manual says are compared.
  private static let model = "--if-no-kvm model --kvm-device /no/such/device"

  static let runs = [
    RecordedGroup(
      "dump",
      """
      dump RAW --cr3 0x1000
      dump RAW --cr3 0x1000 --tree
      dump RAW --cr3 0x1000 --shared expand
      dump RAW --cr3 0x1000 --shared once --format json
      dump RAW --cr3 0x1000 --format json
      dump RAW --cr3 0x1000 --format jsonl
      dump RAW --cr3 0x1000 --format tlb
      dump RAW --cr3 0x1000 --color always
      dump RAW --cr3 0x1000 --filter user,wx --pke on --pkru 0x4
      dump CORE
      dump CORE --vcpu 1 --smep on --smap on --wp off
      dump LINUX --filter wx
      dump LINUX --tree --filter user
      """),
    RecordedGroup(
      "walk",
      """
      walk RAW 0x2000 0x5000 0x4000_0000 0x80_0000_0000 --cr3 0x1000
      walk RAW 0x2000 0x5000 0x4000_0000 0x8000_0000_0000 --cr3 0x1000 --format json
      walk RAW 0x5000 --cr3 0x1000 --physical-bits 40 --vendor amd
      walk CORE 0x40_0000 0x40_1000
      """),
    RecordedGroup(
      "explain",
      """
      explain RAW 0x2000 --access fetch --cpl 3 --cr3 0x1000
      explain RAW 0x1000 --access write --cpl 3 --cr3 0x1000
      explain RAW 0x1000 --access write --cpl 0 --cr3 0x1000 --wp off
      explain RAW 0x3000 --access read --cpl 3 --cr3 0x1000 --pke on --pkru 0x4
      explain RAW 0x3000 --access read --cpl 3 --cr3 0x1000 --pke on --pkru 0x4 --format json
      explain RAW 0x5000 --access read --cpl 0 --cr3 0x1000 --physical-bits 40
      explain RAW 0x0 --access fetch --cpl 0 --cr3 0x1000 --smep on
      explain RAW 0x0 --access read --cpl 0 --cr3 0x1000 --smap on
      explain RAW 0x0 --access read --cpl 0 --cr3 0x1000 --smap on --ac on
      explain RAW 0x8000_0000_0000 --access read --cpl 0 --cr3 0x1000
      explain RAW --error-code 0x7 --cr2 0x1000 --cr3 0x1000
      explain RAW --error-code 0x5 --cr2 0x1000 --cr3 0x1000 --format json
      """),
    RecordedGroup(
      "audit",
      """
      audit RAW --cr3 0x1000
      audit RAW --cr3 0x1000 --format json
      audit RAW --cr3 0x1000 --format junit
      audit RAW --cr3 0x1000 --format sarif
      audit RAW --cr3 0x1000 --physical-bits 40 --fail-on error
      audit CORE --user-stack 0x40_1000
      audit LINUX
      """),
    RecordedGroup(
      "stats",
      """
      stats RAW --cr3 0x1000
      stats RAW --cr3 0x1000 --format json
      stats CORE
      stats LINUX
      stats LINUX --format json
      """),
    RecordedGroup(
      "aliases",
      """
      aliases RAW --cr3 0x1000
      aliases RAW --cr3 0x1000 --format json
      aliases CORE
      aliases LINUX
      """),
    RecordedGroup(
      "diff",
      """
      diff RAW RAW --cr3 0x1000
      diff RAW RAW --cr3 0x1000 --cr3-b 0xa000
      diff RAW CORE --cr3 0x1000 --cr3-b 0x200000
      diff RAW CORE --cr3 0x1000 --cr3-b 0x200000 --format json
      diff CORE Examples/user-process.yaml
      diff Examples/user-process.yaml CORE --format json
      diff Examples/user-process.yaml Examples/aliases.yaml
      diff LINUX Fixtures/linux-6.1-boot-4level.info-tlb.txt
      diff Fixtures/linux-6.1-boot-4level.info-tlb.txt LINUX --format json
      diff RAW CORE --cr3 0x1000 --cr3-b 0x200000 --ignore accessed,dirty,physical
      """),
    RecordedGroup(
      "convert",
      """
      convert RAW --cr3 0x1000
      convert RAW --cr3 0x1000 --ignore accessed,dirty --memory 64MiB
      convert RAW --cr3 0x1000 --pke on --pkru 0x4 --smep on
      convert CORE
      """),
    RecordedGroup(
      "check",
      """
      check Examples/minimal.json Examples/device.yaml
      check Recorded/wrong.yaml
      check Recorded/wrong.yaml Examples/minimal.json --format json
      check Recorded/wrong.json
      check /no/such/file.yaml
      """),
    RecordedGroup(
      "verify-file",
      """
      verify Examples/user-process.yaml \(model)
      verify Examples/user-process.yaml \(model) --format json
      verify Examples/user-process.yaml \(model) --format junit
      verify Examples/user-process.yaml \(model) --format tap
      verify Examples/mixed-page-sizes.yaml \(model)
      verify Examples/protection-keys.yaml \(model) --color always
      verify Examples/device.yaml \(model)
      verify Recorded/contradicted.yaml \(model)
      verify Recorded/contradicted.yaml \(model) --format json
      verify Recorded/contradicted.yaml \(model) --format junit
      verify Recorded/contradicted.yaml \(model) --format tap
      verify Recorded/wrong.yaml \(model) --format json
      verify Examples/user-process.yaml --if-no-kvm skip --kvm-device /no/such/device
      verify Examples/user-process.yaml --kvm-device /no/such/device
      """),
    RecordedGroup(
      "verify-image",
      """
      verify RAW --cr3 0x1000 \(model)
      verify RAW --cr3 0x1000 \(model) --format json
      verify RAW --cr3 0x1000 \(model) --format junit
      verify RAW --cr3 0x1000 \(model) --format tap
      verify CORE --expect Examples/user-process.yaml \(model)
      verify CORE --expect Recorded/core.yaml \(model)
      verify CORE --expect Recorded/core.yaml \(model) --format json
      verify CORE --expect Recorded/core.yaml \(model) --format junit
      verify CORE --expect Recorded/core.yaml \(model) --format tap
      """),
    RecordedGroup(
      "without-machine",
      """
      doctor --kvm-device /no/such/device
      doctor --kvm-device /no/such/device --format json
      doctor --kvm-device /no/such/device --color always
      doctor --kvm-device /dev/null
      doctor --machine kvm,qemu
      conform --machine kvm,qemu
      conform --kvm-device /no/such/device
      verify Examples/user-process.yaml --if-no-kvm skip --kvm-device /no/such/device --format json
      verify Examples/user-process.yaml --if-no-kvm skip --kvm-device /no/such/device --format junit
      verify Examples/user-process.yaml --if-no-kvm skip --kvm-device /no/such/device --format tap
      verify RAW --cr3 0x1000 --if-no-kvm skip --kvm-device /no/such/device
      verify RAW --cr3 0x1000 --if-no-kvm skip --kvm-device /no/such/device --format json
      verify RAW --cr3 0x1000 --if-no-kvm skip --kvm-device /no/such/device --format junit
      verify RAW --cr3 0x1000 --if-no-kvm skip --kvm-device /no/such/device --format tap
      verify RAW --cr3 0x1000 --if-no-kvm skip --kvm-device /no/such/device --allow-unproved no-machine
      verify RAW --cr3 0x1000 --kvm-device /no/such/device
      verify Examples/user-process.yaml --allow-unproved explaned
      verify Examples/user-process.yaml --allow-unproved time-limit
      """),
    RecordedGroup(
      "processors",
      """
      walk RAW 0x4000_0000 --cr3 0x1000 --1gib-pages off
      walk RAW 0x4000_0000 --cr3 0x1000 --1gib-pages on --pat linux
      walk RAW 0x2000 0x3000 --cr3 0x1000 --nxe off
      walk RAW 0x80_0000_0000 --cr3 0x1000 --vendor amd
      dump RAW --cr3 0x1000 --1gib-pages off --nxe off
      dump RAW --cr3 0x1000 --pat linux
      dump RAW --cr3 0x1000 --format tlb --filter wt --pat linux
      explain RAW 0x4000_0000 --cr3 0x1000 --access read --cpl 0 --1gib-pages off
      stats RAW --cr3 0x1000 --1gib-pages off --physical-bits 40 --vendor amd
      diff RAW Examples/user-process.yaml --cr3 0x1000 --pat linux
      diff Examples/user-process.yaml RAW --cr3-b 0x1000 --pat linux
      """),
    RecordedGroup(
      "help",
      """
      --help
      --version
      check --help
      verify --help
      doctor --help
      conform --help
      merge --help
      dump --help
      walk --help
      explain --help
      audit --help
      diff --help
      aliases --help
      stats --help
      convert --help
      schema --help
      schema
      verify
      nonsense
      dump RAW --cr3 nonsense
      dump RAW --shared never
      conform --shard 3
      """),
  ]
}
