// ReferenceAdaptors: the same case, said to the model and to the second opinion.

import MMU

extension PagingConfiguration {
  init(_ machine: Reference.Machine) throws {
    try self.init(
      rootLevel: machine.levels == 5 ? .pageMapLevel5 : .pageMapLevel4,
      physicalAddressWidth: UInt8(machine.maxphyaddr), isNoExecuteEnabled: machine.nxe,
      supports1GiBPages: machine.gigabytePages, vendor: machine.amd ? .amd : .intel)
  }
}

extension CPUMode {
  init(_ mode: Reference.Mode) {
    self.init(privilege: mode.user ? .user : .supervisor)
    self.isWriteProtectEnabled = mode.wp
    self.isSMEPEnabled = mode.smep
    self.isSMAPEnabled = mode.smap
    self.isAlignmentCheckFlagSet = mode.ac
    self.isPKEEnabled = mode.pke
    self.pkru = mode.pkru
    self.isPKSEnabled = mode.pks
    self.pkrs = mode.pkrs
  }
}

extension Access {
  init(_ use: Reference.Use) {
    self.init(
      use.kind == "r" ? .read : use.kind == "w" ? .write : .fetch,
      origin: use.origin == "e"
        ? .instruction : use.origin == "s" ? .stack : .implicitSupervisor)
  }
}

extension Reference.Result {
  /// What the model predicts, in the second opinion's terms.
  init(_ prediction: AccessPrediction) {
    self.init()
    switch prediction.outcome {
    case .success(let physical): address = physical.rawValue
    case .pageFault(let code):
      vector = 14
      errorCode = code.rawValue
    case .generalProtection: vector = 13
    case .stackFault: vector = 12
    }
    mustAccess = prediction.mustSetAccessed.rawValue
    mayAccess = prediction.maySetAccessed.rawValue
    dirtyLevel = prediction.mustSetDirty.map { Int($0.rawValue) } ?? 0
  }
}

extension Reference {
  /// Every mode: CPL, WP, SMEP, SMAP, AC, PKE, PKS; the key registers give each key other rights.
  static let modes: [Mode] = (0..<128).map { bits in
    var mode = Mode()
    mode.user = bits & 1 != 0
    mode.wp = bits & 2 != 0
    mode.smep = bits & 4 != 0
    mode.smap = bits & 8 != 0
    mode.ac = bits & 16 != 0
    mode.pke = bits & 32 != 0
    mode.pks = bits & 64 != 0
    // Key 0: nothing, 1: AD, 2: WD, 3: both, and again from 4 up.
    mode.pkru = 0xe4e4_e4e4
    mode.pkrs = 0xe4e4_e4e4
    return mode
  }

  /// Every access that behaves differently from another in some mode.
  static let uses: [Use] = [
    Use(kind: "r"), Use(kind: "w"), Use(kind: "f"), Use(kind: "w", origin: "s"),
    Use(kind: "r", origin: "i"), Use(kind: "w", origin: "i"),
  ]
}

/// Counts comparisons and keeps the first few differences.
struct Comparison {
  private(set) var caseCount = 0
  private(set) var differences: [String] = []
  private let modes: [(Reference.Mode, CPUMode)]
  private let uses: [(Reference.Use, Access)]

  init(modes: [Reference.Mode] = Reference.modes, uses: [Reference.Use] = Reference.uses) {
    self.modes = modes.map { ($0, CPUMode($0)) }
    self.uses = uses.map { ($0, Access($0)) }
  }

  /// Compares the model with the second opinion for every mode and access on one set of tables.
  mutating func compare(
    _ reference: ReferenceModel, _ configuration: PagingConfiguration, memory: TableMemory,
    linear: UInt64, label: @autoclosure () -> String
  ) {
    let walk = Walk(linear, cr3: TablePath.cr3, configuration: configuration, in: memory)
    let path = reference.walk(linear, cr3: TablePath.cr3) {
      memory.loadWord(at: GuestPhysicalAddress(truncating: $0))
    }
    for (mode, cpuMode) in modes {
      for (use, access) in uses {
        let wanted = reference.result(path, use, mode)
        let prediction = walk.predict(access, mode: cpuMode, configuration: configuration)
        caseCount += 1
        if Reference.Result(prediction) != wanted
          || (prediction.blame == nil) != (wanted.vector == 0)
        {
          note("\(label()): \(use) in \(mode): model \(prediction), reference \(wanted)")
        }
      }
    }
  }

  mutating func note(_ difference: String) {
    if differences.count < 5 { differences.append(difference) }
  }
}
