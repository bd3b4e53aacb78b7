// How each command is run on a machine, by the program's own parts.

import GuestMem
import Inspection
import MMU
import TestImages

@testable import Probe
@testable import kvmpt

extension LieCommand {
  /// What the command says on machines of `factory`, which are those of `setting`, or tell `lie`.
  func reading(
    _ setting: LieSetting, on factory: any MachineFactory, telling lie: MachineLie?
  ) throws -> LieReading {
    switch self {
    case .file, .library: try LieReading(.file(verify(setting, factory)))
    case .image: try LieReading(.image(verifyImage(setting.world, factory, isAsked: false)))
    case .expected: try LieReading(.image(verifyImage(setting.world, factory, isAsked: true)))
    case .conform, .sequences:
      try LieReading(
        ConformedBlocks(choice: .init(self, lie), setting: setting).report(factory))
    case .doctor: try LieReading(Examination.ofMachine(factory, within: Self.examinationTimes))
    case .calibration: try LieReading(calibrating: factory, setting.world)
    }
  }

  /// So much that no host is too slow.
  private static let examinationTimes: ExaminationTimes = {
    var times = ExaminationTimes()
    times.calibration = .seconds(1800)
    times.whole = .seconds(1800)
    return times
  }()

  private func options(_ world: LieWorld) -> VerificationOptions {
    var options = VerificationOptions()
    options.timeLimit = .seconds(1800)
    options.workerCount = world == .workers ? 2 : 1
    return options
  }

  func verify(
    _ setting: LieSetting, _ factory: any MachineFactory
  ) throws -> VerificationReport {
    let verifier = Verifier(factory: factory)
    let (space, options) = (setting.world.space, options(setting.world))
    guard let profile = setting.profile else { return try verifier.verify(space, options: options) }
    return try verifier.verify(
      verifier.build(space, profile), options: options, profile: profile)
  }

  func verifyImage(
    _ world: LieWorld, _ factory: any MachineFactory, isAsked: Bool
  ) throws -> ImageReport {
    let file = ImageFile()
    try world.image.writeRaw(to: file.path, byteCount: world.byteCount)
    return try Verifier(factory: factory).verify(
      MemoryImage(path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0))),
      world.question(isAsked: isAsked), options: options(world))
  }
}
