// ReportedFault: an error code that a machine gave, held against what the tables give.

/// How a reported error code fits the tables.
public enum ReportedFault: Hashable, Sendable {
  /// The tables give it.
  case fits
  /// The tables give it with P set as well: QEMU's emulator leaves P out of the code of a fault by
  /// reserved bits (measured).
  case fitsWithoutPresent
  /// The tables give it when one assumption is another one; the first is the likeliest.
  case fitsIf([FittingAssumption])
  /// The code says that something else than the tables refused the access.
  case notPaging(PageFaultErrorCode)
  /// The tables do not give it.
  case doesNotFit

  /// Holds `code` against what `question` comes out as in `memory`.
  ///
  /// `assumed` names what may be otherwise. Only one assumption is changed at a time.
  public init<Memory: PhysicalMemory & ~Copyable>(
    _ code: PageFaultErrorCode, for question: AccessQuestion, assumed: Assumptions,
    in memory: borrowing Memory
  ) {
    let other = code.intersection([.shadowStack, .softwareGuard, .reverseMap, .hypervisorManaged])
    if !other.isEmpty {
      self = .notPaging(other)
      return
    }
    let outcome = question.outcome(in: memory)
    if outcome == .pageFault(code) {
      self = .fits
    } else if Self.isGivenWithoutPresent(code, outcome) {
      self = .fitsWithoutPresent
    } else {
      let fitting = Self.candidates(question, code, assumed, in: memory).filter { candidate in
        let outcome = candidate.applied(to: question).outcome(in: memory)
        return outcome == .pageFault(code) || Self.isGivenWithoutPresent(code, outcome)
      }
      // Of several widths the largest says the most; and what stops the fewest entries is likelier.
      let widths = fitting.filter(\.isWidth)
      let likely = Self.likeliest(
        fitting.filter { !$0.isWidth || $0 == widths.first }, question.tables, in: memory)
      self = likely.isEmpty ? .doesNotFit : .fitsIf(likely)
    }
  }

  /// Those of `candidates` by which the fewest entries have reserved bits: the guest has run so far.
  private static func likeliest<Memory: PhysicalMemory & ~Copyable>(
    _ candidates: [FittingAssumption], _ tables: PageTables, in memory: borrowing Memory
  ) -> [FittingAssumption] {
    guard candidates.count > 1 else { return candidates }
    let counts = candidates.map { candidate in
      var counter = ReservedCounter(configuration: candidate.applied(to: tables.configuration))
      tables.traverse(in: memory, &counter)
      return counter.count
    }
    return zip(candidates, counts).filter { $0.1 == counts.min() }.map(\.0)
  }

  /// Counts the entries that have reserved bits by another configuration than they are read by.
  private struct ReservedCounter: TableVisitor {
    let configuration: PagingConfiguration
    var count = 0
    private var seen: Set<UInt64> = []

    init(configuration: PagingConfiguration) { self.configuration = configuration }

    mutating func visit(_ table: TableVisit) -> TraversalDecision {
      seen.insert(table.address.rawValue | UInt64(table.level.rawValue)).inserted ? .enter : .skip
    }

    mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
      if entry.entry.isPresent && entry.entry.reservedBits(in: configuration) != 0 { count += 1 }
      return .enter
    }
  }

  private static func isGivenWithoutPresent(
    _ code: PageFaultErrorCode, _ outcome: AccessOutcome
  ) -> Bool {
    code.contains(.reserved) && !code.contains(.present)
      && outcome == .pageFault(code.union(.present))
  }

  private static func candidates<Memory: PhysicalMemory & ~Copyable>(
    _ question: AccessQuestion, _ code: PageFaultErrorCode, _ assumed: Assumptions,
    in memory: borrowing Memory
  ) -> [FittingAssumption] {
    let configuration = question.tables.configuration
    let mode = question.mode
    var candidates: [FittingAssumption] = []
    if assumed.contains(.gibibytePages) {
      candidates.append(.gibibytePages(!configuration.supports1GiBPages))
    }
    if assumed.contains(.noExecute) {
      candidates.append(.noExecute(!configuration.isNoExecuteEnabled))
    }
    if assumed.contains(.physicalAddressWidth) {
      for width in (32..<max(32, configuration.physicalAddressWidth)).reversed() {
        candidates.append(.physicalAddressWidth(atMost: width))
      }
    }
    if assumed.contains(.levels) && question.tables.lookLikeFiveLevels(in: memory) {
      candidates.append(.levels(5))
    }
    if assumed.contains(.writeProtect) {
      candidates.append(.writeProtect(!mode.isWriteProtectEnabled))
    }
    if assumed.contains(.smep) { candidates.append(.smep(!mode.isSMEPEnabled)) }
    if assumed.contains(.smap) { candidates.append(.smap(!mode.isSMAPEnabled)) }
    if code.contains(.protectionKey),
      let translation = question.walk(in: memory).translation
    {
      // Keys of user-mode addresses count by PKRU, those of supervisor-mode addresses by IA32_PKRS.
      let register: AccessControl = translation.isUser ? .pkru : .pkrs
      let enabler: AccessControl = translation.isUser ? .pke : .pks
      guard assumed.isAbout(register), mode.controls[enabler] != 0 || assumed.isAbout(enabler)
      else { return candidates }
      let denials: [UInt32] = code.contains(.write) ? [1, 2] : [1]
      for denial in denials {
        let bits = mode.controls[register] | denial << (UInt32(translation.protectionKey) * 2)
        candidates.append(translation.isUser ? .pkru(bits) : .pkrs(bits))
      }
    }
    return candidates
  }
}
