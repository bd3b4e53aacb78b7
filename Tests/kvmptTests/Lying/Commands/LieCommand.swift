// LieCommand: who must notice a lie, and where it is told to each.

import MMU

@testable import Probe

/// Somebody who asks machines.
enum LieCommand: String, CaseIterable, Sendable {
  case file = "verify file"
  case library = "library"
  case image = "verify image"
  case expected = "verify --expect"
  case conform = "conform"
  case sequences = "conform, sequences"
  case doctor = "doctor"
  case calibration = "calibration"

  /// Where it says what it found.
  var formats: [LieFormat] {
    switch self {
    case .file, .image, .expected: [.text, .json, .junit, .tap]
    case .conform, .sequences, .doctor: [.text, .json]
    case .library, .calibration: [.library]
    }
  }

  /// Where a lie is told to this one.
  func scope(of lie: MachineLie) -> Liar.Scope {
    if lie.isAboutCalibration {
      return Liar.Scope(roles: [.trial, .matrices, .sequences, .proof])
    }
    var scope = Liar.Scope(roles: roles(of: lie))
    if case .inLastWorker = lie { scope.page = LieWorld.lastPage }
    if self == .doctor, case .hostEdit = lie {
      // The trial of the host's edits reads 64 pages at once.
      scope.includes = { $0.recordCount == 64 }
    }
    return scope
  }

  private func roles(of lie: MachineLie) -> Set<MachineRole> {
    switch self {
    case .file, .library, .image, .expected: return [.proof]
    case .conform: return [.matrices]
    case .sequences: return [.sequences]
    // What doctor has beyond calibration: its trial of edits, and its sample.
    case .doctor: if case .hostEdit = lie { return [.trial] } else { return [.matrices] }
    case .calibration: return [.trial]
    }
  }

  /// True where several threads make the probes, so that the one to lie about has to be looked for.
  func needsScout(for lie: MachineLie) -> Bool {
    switch lie {
    case .hostEdit, .deadlyFeature, .keysUntilFirstUse: return false
    default: return self == .doctor
    }
  }
}

extension MachineLie {
  /// True for lies that only calibration can notice, because nobody asks for what it found absent.
  var isAboutCalibration: Bool {
    switch self {
    case .deadlyFeature, .keysUntilFirstUse: true
    default: false
    }
  }
}
