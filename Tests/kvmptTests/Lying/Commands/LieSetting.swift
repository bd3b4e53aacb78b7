// LieSetting: the honest machine of a world, and what is known of it before anybody lies.

import MMU

@testable import Probe

/// The honest machine that a lie is told on.
struct LieSetting: Sendable {
  let world: LieWorld
  let factory: any MachineFactory
  /// What verify and conform know of the machine, where they do not try it themselves.
  let profile: MachineProfile?

  /// The model as a machine, with no more features than the world needs, which costs time.
  ///
  /// A machine that lies about what calibration asks is calibrated by each command itself.
  init(_ world: LieWorld, isKnown: Bool, has1GiBPages: Bool = true) throws {
    self.world = world
    var features: Set<MachineFeature> = [.noExecute, .writeProtect]
    if has1GiBPages { features.insert(.oneGiBPages) }
    switch world {
    case .fiveLevels: features.insert(.fiveLevelPaging)
    case .feature(let feature): features.insert(feature)
    case .plain, .ordinary, .workers: break
    }
    factory = ModelMachineFactory(features: features)
    profile = isKnown ? try Conformance(factory).machineProfile() : nil
  }

  /// A real machine.
  init(_ world: LieWorld, on factory: any MachineFactory) throws {
    self.world = world
    self.factory = factory
    profile = try Verifier(factory: factory).profile(for: world.space)
  }
}
