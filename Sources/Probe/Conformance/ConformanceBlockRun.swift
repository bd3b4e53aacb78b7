// ConformanceBlockRun: the cases of one block of a matrix, predicted and put into rounds.

import GuestImages
import GuestMem
import MMU

/// One block on one bench.
struct ConformanceBlockRun {
  let bench: ConformanceBench
  let index: Int
  let block: MatrixBlock
  let matrix: ConformanceMatrix
  let position: Int
  let configuration: PagingConfiguration
  let state: ProcessorState
  let model: ConformanceModel
  private let selection: ConformanceSelection
  let deadline: ContinuousClock.Instant
  var session: AgentSession
  var result = ConformanceBlockResult()

  /// Nil when the bench does not hold the matrix.
  init?(
    _ index: Int, _ block: MatrixBlock, matrix: ConformanceMatrix, on bench: ConformanceBench,
    machine: MachineProfile, selection: ConformanceSelection, deadline: ContinuousClock.Instant,
    model: ConformanceModel = ConformanceModel()
  ) {
    guard let position = bench.positions[block.matrix],
      let configuration = machine.configuration(for: block.settings, rootLevel: matrix.rootLevel)
    else { return nil }
    self.bench = bench
    self.index = index
    self.block = block
    self.matrix = matrix
    self.position = position
    self.configuration = configuration
    self.selection = selection
    self.deadline = deadline
    self.model = model
    state = ProcessorState(block.settings, rootLevel: matrix.rootLevel)
    session = AgentSession(
      bench.machine, bench.prepareAgent(for: block.settings), root: bench.tables.root)
  }

  /// Runs all cases of the block.
  mutating func run() throws(MachineError) {
    let rounds = rounds()
    if rounds.allSatisfy(\.isEmpty) { return }
    for round in rounds {
      for group in groups(of: round) {
        var first = group.startIndex
        while first < group.endIndex {
          let end = min(group.endIndex, first + AgentRecords.capacity)
          try runBatch(group[first..<end])
          first = end
        }
      }
    }
    for address in bench.changedWords() {
      addStrayChange(at: address)
      bench.memory.storeWord(
        bench.pristineWord(at: address), at: GuestPhysicalAddress(truncating: address))
    }
  }

  /// The cases in rounds: a success that sets A of its upper entry gets a round of its own, because
  /// every other case below that entry could have set it.
  private mutating func rounds() -> [[ConformanceCase]] {
    var rounds: [[ConformanceCase]] = [[]]
    var exclusiveCounts = [Int](repeating: 0, count: matrix.upper.count)
    let pairs = selection.pairs(
      ofBlock: index, rowLength: matrix.lower.count,
      pairCount: matrix.upper.count * matrix.lower.count)
    for pair in pairs {
      let (upper, lower) = pair.quotientAndRemainder(dividingBy: matrix.lower.count)
      guard
        matrix.isCase(
          upper: upper, lower: lower, isNoExecuteEnabled: block.settings.isNoExecuteEnabled)
      else { continue }
      let candidate = predict(upper, lower)
      if let reason = obstacle(to: candidate) {
        result.tally.notRun[reason, default: 0] += 1
        continue
      }
      // Neighbours share an entry where accesses cross.
      let isCrossing = block.access.form == .crossing
      var round = isCrossing ? lower & 1 : 0
      if candidate.isExclusive && candidate.mustUpper & ~matrix.upper[upper].bits != 0 {
        round = exclusiveCounts[upper] + (isCrossing ? 2 : 0)
        exclusiveCounts[upper] += 1
      }
      while round >= rounds.count { rounds.append([]) }
      rounds[round].append(candidate)
    }
    return rounds
  }

  /// Why a case cannot be run, or nil when it can.
  private func obstacle(to candidate: ConformanceCase) -> NotRunReason? {
    guard block.access == .fetch, matrix.target == .device, case .success = candidate.outcome else {
      return nil
    }
    return .fetchWithoutMemory
  }

  /// Descriptors that one table of 64 KiB holds; everything else is one group.
  private func groups(of round: [ConformanceCase]) -> [ArraySlice<ConformanceCase>] {
    guard block.access == .descriptor else { return [round[...]] }
    var groups: [ArraySlice<ConformanceCase>] = []
    var first = round.startIndex
    while first < round.endIndex {
      let base = round[first].address >> 16
      let end = round[first...].firstIndex { $0.address >> 16 != base } ?? round.endIndex
      groups.append(round[first..<end])
      first = end
    }
    return groups
  }
}

/// What came of a block.
struct ConformanceBlockResult: Sendable {
  var tally = ConformanceTally()
  var evidence = ConformanceEvidence()
}

extension MachineProfile {
  /// How this machine reads tables in a mode, or nil for a root level that does not exist.
  func configuration(
    for settings: ProcessorSettings, rootLevel: Level
  ) -> PagingConfiguration? {
    try? PagingConfiguration(
      rootLevel: rootLevel, physicalAddressWidth: physicalAddressWidth,
      isNoExecuteEnabled: settings.isNoExecuteEnabled,
      supports1GiBPages: features.contains(.oneGiBPages), vendor: vendor)
  }
}
