// kvmpt explain: why an access fails, and what would let it succeed.

import ArgumentParser
import Inspection
import MMU
import Probe

struct ExplainCommand: ReportingCommand {
  /// What is done with the address.
  enum AccessArgument: String, ExpressibleByArgument, CaseIterable {
    case read, write, fetch

    var kind: AccessKind {
      switch self {
      case .read: .read
      case .write: .write
      case .fetch: .fetch
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say why an access to an address of a memory image fails, and what to change.",
    discussion: """
      The access is given by --access and --cpl, or taken from the error code of a page fault that \
      a kernel reported, with --error-code and --cr2. What is not given is taken from the note, \
      which is about the last fault: CR2 is the address, CS says the CPL; CR2 = RIP is a fetch, CR2 \
      just below RSP is a push, anything else is taken for a read.

      Every change that is printed was tried on a copy of the tables: the access succeeds, and no \
      other mapping is lost or moved. What was meant is not known without --expect; with it the \
      changes are those that make the tables say it, here and nowhere less.

      \(ImageOptions.registers) The exit code is 0 when the access succeeds (or the reported \
      fault is explained, by the tables or by one assumption), otherwise 1.

      EXAMPLES:
        kvmpt explain guest.core --error-code 0x3
        kvmpt explain guest.core 0x40_0000 --access write --cpl 3
        kvmpt explain guest.core --error-code 0x7 --cr2 0x40_0000

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp(ImageSource.help, valueName: "image"))
  var path: String

  @Argument(
    help: ArgumentHelp("The linear address (default: CR2 of the note).", valueName: "address"),
    transform: PastedNumber.address)
  var address: NumberArgument?

  @Option(help: "What is done: read, write or fetch. (default: by the note, or read)")
  var access: AccessArgument?

  @Option(
    help: ArgumentHelp(
      "The privilege of the code, 0 or 3 (default: of the note, or 0).", valueName: "level"))
  var cpl: Int?

  @Option(
    name: .customLong("error-code"),
    help: ArgumentHelp("The error code of a page fault.", valueName: "code"),
    transform: PastedNumber.errorCode)
  var errorCode: NumberArgument?

  @Option(
    help: ArgumentHelp("CR2 of that page fault (default: of the note).", valueName: "address"),
    transform: PastedNumber.address)
  var cr2: NumberArgument?

  @Option(help: "RFLAGS.AC: on or off. (default: off)")
  var ac: SwitchArgument?

  @Option(
    help: ArgumentHelp(
      "What the tables were meant to say: an address-space file, 'info tlb' or ptdump.",
      valueName: "file"))
  var expect: String?

  @Option(help: "The format of the report.")
  var format = CheckCommand.Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var registers: RegisterOptions
  @OptionGroup var types: MemoryTypeOptions

  func validate() throws {
    if address != nil && cr2 != nil { throw ValidationError("give one address, or --cr2") }
    if let cpl, cpl != 0 && cpl != 3 { throw ValidationError("--cpl is 0 or 3") }
    if errorCode != nil && (access != nil || cpl != nil) {
      throw ValidationError("--error-code says what --access and --cpl would say")
    }
    if let errorCode, errorCode.value > UInt64(UInt32.max) {
      throw ValidationError("--error-code has 32 bits")
    }
  }

  /// Some registers count for some accesses only.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1 (CR0.WP, CR4.SMEP, CR4.SMAP and RFLAGS.AC are about
  /// accesses in supervisor mode) and 5.6.2 (protection keys are about data accesses).
  private func refuseWhatIgnored(
    by access: Access, at privilege: PrivilegeLevel
  ) throws(CommandFailure) {
    let words = "a \(access.kind.label) at CPL \(privilege.rawValue) does not depend on it"
    let isSupervisor = privilege == .supervisor
    let isData = access.kind != .fetch
    func refuse(
      _ option: String, _ isGiven: Bool, unless applies: Bool, _ scope: String
    ) throws(CommandFailure) {
      if isGiven && !applies {
        throw CommandFailure(OptionWithoutEffect(option: option, reason: words, scope: scope))
      }
    }
    let isWrite = access.kind == .write
    try refuse("--wp", registers.wp != nil, unless: isSupervisor && isWrite, "writes at CPL 0")
    try refuse("--smep", registers.smep != nil, unless: isSupervisor && !isData, "fetches at CPL 0")
    try refuse(
      "--smap", registers.smap != nil, unless: isSupervisor && isData, "reads and writes at CPL 0")
    try refuse("--ac", ac != nil, unless: isSupervisor && isData, "reads and writes at CPL 0")
    for control in [AccessControl.pke, .pkru, .pks, .pkrs] {
      try refuse(
        "--" + control.rawValue, registers.values[control] != nil, unless: isData,
        "reads and writes")
    }
  }

  var namedFiles: CommandFiles {
    CommandFiles(read: [path, expect], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    // What was given in full is refused before anything is opened.
    if errorCode != nil || access != nil && cpl != nil {
      let given = try AskedAccess(
        address: 0, access: access?.kind, cpl: cpl, reported: reported, note: nil, path: path)
      try refuseWhatIgnored(by: given.access, at: given.privilege)
    }
    let image = try OpenedImage.open(
      path: path, options: options, registers: registers.values, pat: types.givenPAT)
    var asked = try AskedAccess(
      address: address?.value ?? cr2?.value, access: access?.kind, cpl: cpl, reported: reported,
      note: image.processor, path: path)
    var mode = image.mode(at: asked.privilege)
    mode.isAlignmentCheckFlagSet = ac?.isOn ?? false
    asked.guessKind(in: mode, image.tables, image.memory)
    try refuseWhatIgnored(by: asked.access, at: asked.privilege)
    let destination = try report.open()
    if !mode.isSMAPEnabled {
      try refuse(
        given(["--ac": ac != nil]), because: "CR4.SMAP is off",
        appliesTo: "images with SMAP on, or --smap on")
    }
    let question = AccessQuestion(
      asked.address, asked.access, mode: mode, tables: image.tables)
    let fault = reported.map {
      ReportedFault($0, for: question, assumed: image.assumptions, in: image.memory)
    }
    let diagnosis = question.diagnosis(in: image.memory)
    var expected: ExpectedText?
    if let expect {
      let side = try ExpectedSide.read(path: expect, beside: image)
      expected = ExpectedText(
        path: expect, pageAttributeTable: image.pat.value,
        access: side.expectation.judge(
          diagnosis, in: image.memory, pageAttributeTable: image.pat.value))
    }
    let answer = ExplainReport(
      asked: asked, reported: reported, fault: fault, diagnosis: diagnosis, expected: expected)
    let walk = answer.diagnosis.walk
    let styler = report.styler(for: destination)
    switch format {
    case .text:
      destination.write(ImageText.head(image, styler) + asked.noteLine + "\n")
      destination.write(WalkText(walk: walk, styler: styler, pat: image.pat).text)
      destination.write(answer.text(styler, in: image.memory))
    case .json:
      var json = JSONWriter(to: destination)
      json.beginObject()
      json.member("schema", "urn:kvmpt:schema:explain:1")
      json.member("version", Version.current)
      json.member("image", path)
      json.member("cr3", hexadecimal: image.cr3)
      json.member(assumed: image.assumptions.words(of: image))
      answer.write(to: &json, WalkText(walk: walk, styler: styler, pat: image.pat))
      json.endObject()
    }
    try image.requireWhole()
    try destination.close()
    return answer.isAsHoped ? .agreement : .disagreement
  }

  private var reported: PageFaultErrorCode? {
    errorCode.map { PageFaultErrorCode(rawValue: UInt32(truncatingIfNeeded: $0.value)) }
  }
}
