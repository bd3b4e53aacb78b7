// What reports say about a machine, word for word: the model as a machine, honest or with a lie.

import MMU
import Testing

@testable import Probe
@testable import kvmpt

@Suite("Every report of a machine says what it said")
struct RecordedReportTests {
  /// A machine of each kind of answer.
  static let lies: [MachineLie?] = [
    nil, .successForFault, .faultForSuccess, .errorCodeBit(2), .cr2(.zero), .valueOfOtherPage,
    .writeTwice, .accessedMissing(.pageDirectory), .dirtyUnasked(.pageTable), .guestLost, .late,
    .deadlyFeature(.smep),
  ]
  /// Those of reports that have hundreds of lines.
  static let fewLies: [MachineLie?] = [
    nil, .errorCodeBit(2), .accessedMissing(.pageDirectory), .guestLost,
  ]

  @Test("on a file", arguments: ReportFormat.allCases)
  func file(_ format: ReportFormat) throws {
    let lies = format == .json ? Self.fewLies : Self.lies
    try record("machine-file-\(format.rawValue)", .file, lies) { setting, factory in
      try ProvedReport.file(LieCommand.file.verify(setting, factory)).text(format)
    }
  }

  @Test("on an image, with an expectation", arguments: ReportFormat.allCases)
  func image(_ format: ReportFormat) throws {
    let lies = format == .json ? Self.fewLies : Self.lies
    try record("machine-image-\(format.rawValue)", .expected, lies) { setting, factory in
      try ProvedReport.image(
        LieCommand.expected.verifyImage(setting.world, factory, isAsked: true)
      ).text(format)
    }
  }

  @Test("on its conformance", arguments: ConformCommand.Format.allCases)
  func conform(_ format: ConformCommand.Format) throws {
    let lies = format == .json ? Self.fewLies : Self.lies
    try record("machine-conform-\(format.rawValue)", .conform, lies) { setting, factory in
      let report = try ConformedBlocks(choice: .matrices, setting: setting).report(factory)
      let file = try TemporaryFile("")
      _ = try report.write(
        report.findings, format, baseline: "none", to: ReportDestination(path: file.path),
        styler: TextStyler(isEnabled: false))
      return try file.text()
    }
  }

  @Test("on what it can do", arguments: [nil, MachineLie.hostEdit(.always), .deadlyFeature(.smap)])
  func doctor(_ lie: MachineLie?) throws {
    var times = ExaminationTimes()
    // So much that no host is too slow.
    times.calibration = .seconds(1800)
    times.whole = .seconds(1800)
    let setting = try LieSetting(lie.map(LieWorld.init) ?? .plain, isKnown: false)
    let examination = try Examination.ofMachine(
      Self.machine(setting, telling: lie, LieCommand.doctor), within: times
    ) { flag in ["hypervisor", "smep", "smap", "pdpe1gb", "nx"].contains(flag) }
    let text = try TemporaryFile("")
    var output = try ReportDestination(path: text.path)
    DoctorText(examination: examination, styler: TextStyler(isEnabled: false)).write(to: &output)
    try output.finish()
    let json = try TemporaryFile("")
    let destination = try ReportDestination(path: json.path)
    DoctorJSON(devicePath: "none").write(examination, to: destination)
    try destination.finish()
    try Recording(name: "machine-doctor-\(lie?.id ?? "honest")").check(
      Recording.withoutTimes(text.text() + json.text()))
  }

  /// Writes the reports of all machines into one recording.
  private func record(
    _ name: String, _ command: LieCommand, _ lies: [MachineLie?] = Self.lies,
    report: (LieSetting, any MachineFactory) throws -> String
  ) throws {
    var text = ""
    for lie in lies {
      let world = lie.map(LieWorld.init) ?? .plain
      let setting = try LieSetting(world, isKnown: lie?.isAboutCalibration != true)
      text += "=== \(lie?.id ?? "honest")\n"
      text += try report(setting, Self.machine(setting, telling: lie, command)) + "\n"
    }
    try Recording(name: name).check(Recording.withoutTimes(text))
  }

  private static func machine(
    _ setting: LieSetting, telling lie: MachineLie?, _ command: LieCommand
  ) -> any MachineFactory {
    guard let lie else { return setting.factory }
    return LyingFactory(
      inner: setting.factory, liar: Liar(lie, command.scope(of: lie), about: nil))
  }
}
