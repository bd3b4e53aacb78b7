// Where the writes of a batch arrived: each in its own word, and nowhere else.

import GuestImages
import GuestMem
import MMU

extension ExperimentRun {
  /// Clears the words that the writes of a batch use, and the first such word of every other frame.
  ///
  /// So no write of an earlier batch answers for one of this, and one that arrives in a frame of
  /// another page shows.
  func clearWrites(_ probes: ArraySlice<PlannedProbe>) {
    for frame in framesForWrites { store(0, at: frame + UInt64(KVMPT_STAMP_WRITE)) }
    for probe in probes {
      guard let place = place(of: probe), place & 0xfff >= UInt64(KVMPT_STAMP_WRITE) else {
        continue
      }
      store(0, at: place)
    }
  }

  /// The tokens of writes that arrived where they should not: in a frame that they do not lead to, or
  /// at all though the guest was told of a fault.
  func strayWrites(
    _ probes: ArraySlice<PlannedProbe>, _ manner: ProbeManner
  ) -> Set<UInt64> {
    let records = session.records
    var strays: Set<UInt64> = []
    var expected: [UInt64: UInt64] = [:]
    for (index, probe) in probes.enumerated() {
      guard let place = place(of: probe) else { continue }
      let token = experiment.slot.recordAddress(index, at: manner.privilege)
      if !records.answer(at: index).hasFaulted {
        expected[place] = token
      } else if held(at: probe) == token {
        strays.insert(token)
      }
    }
    for frame in framesForWrites {
      let place = frame + UInt64(KVMPT_STAMP_WRITE)
      guard let word = experiment.memory.loadWord(at: GuestPhysicalAddress(truncating: place)),
        word != 0, word != expected[place]
      else { continue }
      strays.insert(word)
    }
    return strays
  }

  /// What stands where a probe looks.
  func held(at probe: PlannedProbe) -> UInt64? {
    place(of: probe).flatMap {
      experiment.memory.loadWord(at: GuestPhysicalAddress(truncating: $0))
    }
  }

  /// The stamped frames, without those whose room for writes holds code.
  private var framesForWrites: some Sequence<UInt64> {
    frames.contents.lazy.filter { $0.value == .stamped && frames.guestCode[$0.key] == nil }
      .map(\.key)
  }

  /// The physical address that a probe of a stamped frame leads to, or nil for any other.
  private func place(of probe: PlannedProbe) -> UInt64? {
    guard probe.content == .stamped else { return nil }
    return predictions[probe.page].frame.map { $0 | probe.address & 0xfff }
  }

  private func store(_ word: UInt64, at address: UInt64) {
    experiment.memory.storeWord(word, at: GuestPhysicalAddress(truncating: address))
  }
}
