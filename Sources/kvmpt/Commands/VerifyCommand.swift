// kvmpt verify: the main job. Build what a file asks for, or take an image, let a guest use it, and
// compare.

import ArgumentParser
import Inspection
import KVM
import MMU
import Probe

struct VerifyCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove page tables on a real guest: those of an address-space file, or of an image.",
    discussion: """
      Every mapping is read, written and executed at CPL 0 and CPL 3, and so are its unmapped \
      neighbours. What the machine did is compared with what the file asks for and with what the \
      architecture manual says about the bytes of the tables.

      A memory image (an ELF core, or raw memory with --cr3) is proved as it is: its file is not \
      changed, and the guest works on copies of its tables. What the tables should say comes from \
      --expect; without it, what the machine did is compared with the manual alone.

      All that the file (or --expect) asks for is compared whole with all that the tables map, by \
      the manual: addresses, rights, memory types by IA32_PAT, G, keys, page sizes, software's bits, \
      A and D. What is mapped and nobody asked for is a disagreement.

      Each leaf entry and each link (an entry that points at a table) is executed at least once, in \
      all six ways; of a page larger than 4 KiB the first, the middle and the last 4 KiB. Every leaf \
      is executed through every path to it, but in images with more than \
      \(grouped(Int(VerificationOptions.expandedPathLimit))) paths: there each table is gone through \
      once for each level and set of rights, and each further link to it is executed once. Further \
      addresses are 'covered': counted, and judged by the manual alone. --exhaustive executes every \
      4 KiB page of every leaf through every path. What nothing maps is sampled in any case, at the \
      pages next to what is mapped and at the first, the middle and the last page below an entry.

      How many probes that is, and how long it takes at the rate of the run's own first ones, is said \
      with the progress on a terminal; a time limit that is too short for it is warned of at once.

      EXAMPLES:
        kvmpt verify Examples/higher-half-kernel.yaml
        kvmpt verify Examples/user-process.yaml --format junit --output report.xml
        kvmpt verify Examples/user-process.yaml --machine-profile machine.json
        kvmpt verify guest.core
        kvmpt verify guest.core --exhaustive --timeout 30m
        kvmpt verify memory.bin --cr3 0x1000 --expect kernel.yaml

      \(ExitStatus.table)
      """)

  @Argument(
    help: ArgumentHelp(
      "An address-space file ('-' is standard input) or a memory image.", valueName: "file"))
  var file: String

  @Option(
    help: ArgumentHelp(
      "What the tables of an image should say: an address-space file, QEMU's 'info tlb' or Linux's"
        + " ptdump as text.", valueName: "file"))
  var expect: String?

  @Option(help: "The format of the report.")
  var format = ReportFormat.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var machine: MachineOptions

  @Flag(
    help: ArgumentHelp(
      "Execute every 4 KiB page of every leaf, through every path, where a few of each are executed"
        + " otherwise."))
  var exhaustive = false

  @Option(
    name: .customLong("machine-profile"),
    help: ArgumentHelp(
      "How this machine differs from the manual, as kvmpt conform --write-profile found it.",
      valueName: "file"))
  var profilePath: String?

  @Option(
    name: .customLong("if-no-kvm"),
    help: ArgumentHelp(
      "Without KVM: fail (exit code 69), skip (77), or compare with the model only.",
      valueName: "policy"))
  var missingKVM = MissingKVMPolicy.fail

  @Option(
    name: .customLong("allow-unproved"),
    help: ArgumentHelp(
      "Reasons for which something may be unproved, separated by commas, or"
        + " \(AllowedUnproved.everything): what is unproved for no other reason ends with code 0"
        + " instead of 77.",
      discussion: "Reasons: " + AllowedUnproved.known.map(\.id).joined(separator: ", ") + ".",
      valueName: "list"),
    transform: { try AllowedUnproved(argument: $0) })
  var allowed = AllowedUnproved.none

  @OptionGroup(title: "Options for images") var options: ImageOptions
  @OptionGroup(title: "Options for images") var registers: RegisterOptions
  @OptionGroup(title: "Options for images") var types: MemoryTypeOptions

  var namedFiles: CommandFiles {
    CommandFiles(
      read: [file, expect, profilePath], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    if try isImage() { return try verifyImage() }
    try refuse(
      given(["--expect": expect != nil]) + options.givenNames + registers.givenNames
        + types.givenNames,
      because: "\(quoted(file)) is an address-space file, which says itself what is expected, its"
        + " registers and its levels",
      appliesTo: "memory images; raw memory needs --cr3")
    let reader = AddressSpaceFileReader(limits: .ofThisHost())
    let input = try reader.requireFile(path: file)
    let destination = try report.open()
    return try VerifyRun(command: self, input: input, destination: destination).run()
  }

  /// An ELF file, anything with a root, and whatever has a 0 where text has none.
  private func isImage() throws(CommandFailure) -> Bool {
    if ImageSource.isScheme(file) { return true }
    if ComparedSide.isAddressSpace(file) || file == "-" { return false }
    if options.cr3 != nil || options.base != nil { return true }
    guard InputFile.isRegularFile(file) else { return false }
    do throws(InputFileError) {
      let start = try InputFile.bytes(of: file, byteLimit: 255)
      return start.starts(with: [0x7f, 0x45, 0x4c, 0x46]) || start.contains(0)
    } catch {
      throw CommandFailure(error)
    }
  }

  private func verifyImage() throws(CommandFailure) -> ExitStatus {
    if expect == nil {
      try refuse(
        types.givenNames, because: "nobody asks for memory types without --expect",
        appliesTo: "images with --expect")
    }
    let image = try OpenedImage.open(
      path: file, options: options, registers: registers.values, pat: types.givenPAT)
    var expected: ExpectedSide?
    if let expect {
      expected = try .read(path: expect, beside: image)
    }
    let destination = try report.open()
    return try VerifyImageRun(command: self, expected: expected, destination: destination)
      .run(image)
  }
}

extension VerifyCommand {
  /// Takes the rules of `--machine-profile`, which must be about the machine at hand.
  func useProfile(in verifier: inout Verifier) throws(CommandFailure) {
    verifier.baseline = try BaselineFile.builtIn()
    guard let path = profilePath else { return }
    let profile = try ResultFile.machineProfile(at: path)
    do throws(MachineProfileMismatch) {
      try verifier.use(profile)
    } catch {
      throw ResultFileError(path: path, reason: error.message).failure
    }
  }
}
