// LieMatrix: every lie told to every command, and what came of it.

import MMU

@testable import Probe

/// Tells lies to one command, one after the other.
struct LieMatrix {
  let command: LieCommand
  private var controls: [String: LieReading] = [:]
  private var settings: [LieWorld: LieSetting] = [:]
  private var scouts: [LieWorld: Scout] = [:]

  /// A real machine, in place of the model as one.
  private let machine: (any MachineFactory)?

  init(_ command: LieCommand, on machine: (any MachineFactory)? = nil) {
    self.command = command
    self.machine = machine
  }

  /// Tells `lie`, and judges what is said for `commands`, which share the run.
  mutating func cells(_ lie: MachineLie, for commands: [LieCommand]) throws -> [LieTableCell] {
    let setting = try setting(for: lie)
    let control = try control(setting, lie)
    var target: ProbeKey?
    if command.needsScout(for: lie) {
      target = scouts[setting.world]?.target(of: lie)
      // Without a probe to lie about there is nothing to run again.
      if target == nil { return commands.map { cell(lie, $0, nil, toldCount: 0, control) } }
    }
    let liar = Liar(lie, command.scope(of: lie), about: target)
    let reading = try command.reading(
      setting, on: LyingFactory(inner: setting.factory, liar: liar), telling: lie)
    return commands.map { cell(lie, $0, reading, toldCount: liar.toldCount, control) }
  }

  private mutating func setting(for lie: MachineLie) throws -> LieSetting {
    let world = LieWorld(lie)
    if lie.isAboutCalibration { return try LieSetting(world, isKnown: false) }
    if let known = settings[world] { return known }
    // In doctor's sample every feature is one more that can be to blame.
    let made =
      if let machine {
        try LieSetting(world.withoutLargestPages, on: machine)
      } else {
        try LieSetting(world, isKnown: true, has1GiBPages: command != .doctor)
      }
    settings[world] = made
    return made
  }

  /// The same run without the lie.
  private mutating func control(_ setting: LieSetting, _ lie: MachineLie) throws -> LieReading {
    let key = "\(setting.world) \(ConformedBlocks.Choice(command, lie)) \(setting.profile == nil)"
    if let known = controls[key] { return known }
    var factory = setting.factory
    if command == .doctor {
      let lies = MachineLie.allCases.filter {
        LieWorld($0) == setting.world && setting.world != .workers && command.needsScout(for: $0)
      }
      let scout = Scout(lies, command.scope(of: .faultForSuccess))
      scouts[setting.world] = scout
      factory = ScoutedFactory(inner: factory, scout: scout)
    }
    let reading = try command.reading(setting, on: factory, telling: lie)
    controls[key] = reading
    return reading
  }

  private func cell(
    _ lie: MachineLie, _ command: LieCommand, _ reading: LieReading?, toldCount: Int,
    _ control: LieReading
  ) -> LieTableCell {
    let notice = lie.notice(by: command)
    var problems: [String] = []
    let formats = control.names.keys.filter(command.formats.contains)
    if control.exitCode != 0 { problems.append("without the lie the exit code is \(control)") }
    if case .untold = notice {
      if toldCount != 0 { problems.append("was told \(toldCount) times") }
    } else if toldCount == 0 {
      problems.append("was never told")
    }
    guard let news = reading?.subtracting(control) else {
      return LieTableCell(
        row: lie.id, column: command.rawValue, notice: notice, problems: problems)
    }
    for format in formats.sorted(by: { $0.rawValue < $1.rawValue }) {
      let expected = notice.names(in: format, of: command) ?? []
      let found = news.names[format] ?? []
      if found != expected {
        problems.append("\(format) says \(found.sorted()), not \(expected.sorted())")
      }
    }
    var expectedCode: Int32 = 0
    if case .noticed(_, let exitCode) = notice { expectedCode = exitCode }
    if command != .library, news.exitCode != expectedCode {
      problems.append("the exit code is \(news.exitCode), not \(expectedCode)")
    }
    return LieTableCell(
      row: lie.id, column: command.rawValue, notice: notice, problems: problems)
  }
}
