// What the commands that are about machines say, by stable names.

import MMU

@testable import Probe
@testable import kvmpt

extension LieReading {
  /// A comparison of a machine with the manual.
  init(_ report: ConformanceReport) throws {
    let findings = report.findings
    var names: [LieFormat: Set<String>] = [:]
    var exitCode: Int32 = 0
    for format in ConformCommand.Format.allCases {
      let file = try TemporaryFile("")
      let status = try report.write(
        findings, format, baseline: "none", to: ReportDestination(path: file.path),
        styler: TextStyler(isEnabled: false))
      exitCode = status.rawValue
      let text = try file.text()
      switch format {
      case .text: names[.text] = Self.names(ofConformance: text)
      case .json: names[.json] = try Self.names(ofConformance: JSONValue(json: text))
      }
    }
    self.init(names, exitCode: exitCode)
  }

  private static func names(ofConformance report: JSONValue) -> Set<String> {
    var names: Set<String> = []
    for difference in report["differing"]?.elements ?? [] {
      names.insert(difference["response"]?.text?.split(separator: " ").first.map(String.init) ?? "")
    }
    if let verdict = report["verdict"]?.text, verdict != "agreement" { names.insert(verdict) }
    if case .object(let lacks)? = report["not-run"] { names.formUnion(lacks.keys) }
    return names
  }

  private static func names(ofConformance text: String) -> Set<String> {
    var names: Set<String> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("disagreed: ") { names.insert("disagreement") }
      if line.hasPrefix("incomplete: ") { names.insert("incomplete") }
      for reason in NotRunReason.allCases
      where line.contains("not run") && line.hasSuffix(": " + reason.message) {
        names.insert(reason.rawValue)
      }
    }
    return names
  }

  /// An examination of a machine.
  init(_ examination: Examination) throws {
    let text = try TemporaryFile("")
    var output = try ReportDestination(path: text.path)
    DoctorText(examination: examination, styler: TextStyler(isEnabled: false)).write(to: &output)
    try output.finish()
    let json = try TemporaryFile("")
    let destination = try ReportDestination(path: json.path)
    DoctorJSON(devicePath: "none").write(examination, to: destination)
    try destination.finish()
    self.init(
      [
        .text: Self.names(ofDoctor: try text.text()),
        .json: Self.names(ofDoctor: try JSONValue(json: json.text())),
      ],
      exitCode: (examination.problem == nil ? ExitStatus.agreement : .internalError).rawValue)
  }

  private static func names(ofDoctor report: JSONValue) -> Set<String> {
    var names: Set<String> = []
    if report["verdict"] == .string("not-believable") { names.insert("not-believable") }
    for feature in report["features"]?.elements ?? [] where feature["trial"] != .string("works") {
      names.insert("no " + (feature["id"]?.text ?? ""))
    }
    for member in ["deviations", "sampled-deviations"]
    where report[member]?.elements.isEmpty == false {
      names.insert("a rule")
    }
    if let sample = report["conformance"] {
      if sample["left-to-conform"] != .integer(0) { names.insert("left to conform") }
      if sample["finished-blocks"] != sample["blocks"] { names.insert("not all of the sample") }
    }
    return names
  }

  private static func names(ofDoctor text: String) -> Set<String> {
    var names: Set<String> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("not ready: ") { names.insert("not-believable") }
      let first = line.split(separator: " ").first
      if first == "differs" || first == "sampled" { names.insert("a rule") }
      for feature in MachineFeature.allCases
      where line.contains(feature.words) && line.contains("does not work: ") {
        names.insert("no " + feature.rawValue)
      }
      if line.contains(" differ in ") { names.insert("left to conform") }
      if line.contains(" parts of this sample") { names.insert("not all of the sample") }
    }
    return names
  }

  /// Calibration: what is thrown, or what the machine is found to lack or to do otherwise.
  init(calibrating factory: any MachineFactory, _ world: LieWorld) throws {
    let verifier = Verifier(factory: factory)
    do throws(VerificationError) {
      let profile = try verifier.profile(for: world.space, timeLimit: .seconds(600))
      var lacks = profile?.obstacle(for: world.space).map { [$0.rawValue] } ?? []
      if profile?.features.contains(.oneGiBPages) == false {
        lacks.append(NotRunReason.no1GiBPages.rawValue)
      }
      self.init([.library: Set(lacks + (profile?.deviations.map(\.id) ?? []))], exitCode: 0)
    } catch {
      guard case .machine(let problem) = error else { throw error }
      self.init(
        [.library: [problem.id]],
        exitCode: CommandFailure(problem, canPass: nil).status.rawValue)
    }
  }
}
