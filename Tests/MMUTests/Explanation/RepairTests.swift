// RepairTests: the blames of an explanation are what stops the access, all of it and nothing else.

import MMU
import Testing

@Suite("An explanation names everything that must change, and nothing that need not")
struct RepairTests {
  /// Tables, modes and processor that can be repaired.
  private struct Patient {
    var path: TablePath
    var mode: CPUMode
    let access: Access

    var walk: Walk { path.walk }
    var explanation: Explanation {
      walk.explain(access, mode: mode, configuration: path.configuration)
    }

    /// True when a model without `rule` predicts something else.
    func differs(without rule: ArchitectureRule) -> Bool {
      let rules = EveryRuleExcept(rule)
      let walk = Walk(
        path.linearAddress, cr3: TablePath.cr3, configuration: path.configuration,
        in: path.memory, under: rules)
      let prediction = walk.predict(
        access, mode: mode, configuration: path.configuration, under: rules)
      return Reference.Result(prediction) != Reference.Result(explanation.prediction)
    }

    /// Does what the advice for `blame` says, the first way of several for an entry's bits.
    mutating func repair(_ blame: Blame) {
      switch blame.rule {
      case .smepStopsSupervisorFetch: mode.isSMEPEnabled = false
      case .smapStopsSupervisorRead, .smapStopsSupervisorWrite: mode.isSMAPEnabled = false
      case .userKeyAccessDisable, .supervisorKeyAccessDisable, .userKeyWriteDisable,
        .supervisorKeyWriteDisable:
        change(blame) { $0 & ~PageTableEntry.Bit.protectionKey }
      default: change(blame) { $0 ^ blame.bits }
      }
    }

    private mutating func change(_ blame: Blame, _ change: (UInt64) -> UInt64) {
      guard let address = blame.step?.entryAddress.rawValue else { return }
      path.memory[address] = change(path.memory[address])
    }
  }

  @Test("Repairing all blames lets the access through; leaving one out does not")
  func repairs() throws {
    var patientCount = 0
    var repairCount = 0
    for levels in [4, 5] {
      for size in PageSize.allCases {
        let configuration = try PagingConfiguration(
          Reference.Machine(levels: levels, maxphyaddr: 40))
        var path = TablePath(configuration)
        path.map(leaf: size.level)
        let places = Level.allCases.filter { $0 >= size.level && $0 <= configuration.rootLevel }
          .flatMap { level in [0, 1, 2, 13, 45, 59, 60, 63].map { (level, UInt64(1) << $0) } }
        for first in places {
          for second in places {
            // A table that moved holds other entries; the matrices cover that.
            if first.1 == 1 << 13 && first.0 != size.level { continue }
            if second.1 == 1 << 13 && second.0 != size.level { continue }
            var changed = path
            changed[first.0] ^= first.1
            changed[second.0] ^= second.1
            for mode in BitPairMatrixTests.modes {
              for use in Reference.uses {
                let patient = Patient(path: changed, mode: CPUMode(mode), access: Access(use))
                patientCount += 1
                repairCount += try check(patient)
              }
            }
          }
        }
      }
    }
    print("repairs: \(patientCount) accesses, \(repairCount) repairs")
    #expect(repairCount > 10_000)
  }

  /// Repairs until the access succeeds; the number of repairs.
  private func check(_ patient: Patient) throws -> Int {
    var patient = patient
    var count = 0
    for _ in 0..<8 {
      let explanation = patient.explanation
      if explanation.blame != explanation.prediction.blame {
        Issue.record("blame and prediction differ")
      }
      if explanation.blames.isEmpty {
        if case .success = explanation.prediction.outcome { return count }
        Issue.record("no blame for \(explanation.prediction)")
        return count
      }
      // A write can be stopped by AD and WD of a key, which one blame stands for.
      if explanation.blames.count == 1, explanation.blames[0].rule != .userKeyAccessDisable,
        explanation.blames[0].rule != .supervisorKeyAccessDisable,
        !patient.differs(without: explanation.blames[0].rule)
      {
        Issue.record("without \(explanation.blames[0].rule) the model says the same")
      }
      let before = patient.walk.stepCount
      let isPageFound = patient.walk.translation != nil
      for omitted in explanation.blames.indices {
        var other = patient
        for (index, blame) in explanation.blames.enumerated() where index != omitted {
          other.repair(blame)
        }
        let prediction = other.walk.predict(
          other.access, mode: other.mode, configuration: other.path.configuration)
        if case .success = prediction.outcome {
          Issue.record("\(explanation.blames[omitted]) is blamed for nothing")
        }
      }
      for blame in explanation.blames { patient.repair(blame) }
      count += explanation.blames.count
      if isPageFound {
        guard case .success = patient.explanation.prediction.outcome else {
          Issue.record("repairing \(explanation.blames) does not help")
          return count
        }
      } else if patient.walk.stepCount == before && patient.walk.translation == nil
        && explanation.blames == patient.explanation.blames
      {
        Issue.record("repairing \(explanation.blames) changes nothing")
        return count
      }
    }
    Issue.record("eight repairs do not help")
    return count
  }
}
