// Disagreement: a verdict with the walk that explains it, and what to change.

import GuestMem
public import MMU

/// A probe whose answers disagree, with the walk that explains it.
public struct Disagreement: Hashable, Sendable {
  /// The three answers.
  public let verdict: ProbeVerdict
  /// The entries that the access goes through, from the root down.
  public let steps: [WalkStep]
  /// The rule, entry and bits that decide by the model, or nil where it lets the access succeed.
  public let blame: Blame?
  /// What to change, in one line.
  public let advice: String

  init(
    _ verdict: ProbeVerdict, cr3: UInt64, configuration: PagingConfiguration,
    processor: ProcessorSettings, in memory: borrowing some PhysicalMemory & ~Copyable,
    _ uses: TableUses
  ) {
    self.verdict = verdict
    let question = AccessQuestion(
      verdict.address, Access(verdict.manner.kind),
      mode: processor.mode(at: verdict.manner.privilege),
      tables: PageTables(cr3: cr3, configuration: configuration))
    let walk = question.walk(in: memory)
    steps = Array(walk.steps)
    blame =
      walk.explain(question.access, mode: question.mode, configuration: configuration).blame
    advice = Self.advice(for: verdict, question, walk, blame, in: memory, uses)
  }

  private static func advice(
    for verdict: ProbeVerdict, _ question: AccessQuestion, _ walk: Walk, _ blame: Blame?,
    in memory: borrowing some PhysicalMemory & ~Copyable, _ uses: TableUses
  ) -> String {
    guard verdict.disagreements.contains(.askedModelled) else {
      return "the tables are as asked for and the machine does not follow the manual:"
        + " kvmpt doctor examines it"
    }
    switch (verdict.asked, verdict.modelled) {
    case (.allowed(let page), .success), (.allowedByLeaf(let page?), .success):
      return pointAdvice(at: page, question, walk, in: memory, uses)
    case (.expected(.success(let address?)), .success):
      return pointAdvice(at: address.rawValue & ~0xfff, question, walk, in: memory, uses)
    case (.unsaid, _): return "nobody asked for anything"
    case (.allowed, _), (.allowedByLeaf, _), (.expected(.success), _):
      let wanted: UInt64? =
        switch verdict.asked {
        case .allowed(let page): page
        case .allowedByLeaf(let page): page
        case .expected(.success(let address)): address.map { $0.rawValue & ~0xfff }
        default: nil
        }
      let diagnosis = question.diagnosis(in: memory, uses: uses)
      let offset = question.address & 0xfff
      let cure = diagnosis.cures.first { cure in
        wanted == nil || cure.physicalAddress?.rawValue == wanted.map { $0 | offset }
      }
      // Who asked for the page said that it was meant.
      let words = cure.map { wanted == nil ? diagnosis.advice : $0.sentence }
      return words ?? diagnosis.suspicion?.sentence ?? diagnosis.looks.first?.sentence
        ?? "no change of one entry lets the access through and leaves the rest as it is"
    case (.absent, _):
      return denyAdvice(question, walk, in: memory, uses) { $0 & ~PageTableEntry.Bit.present }
    case (.forbidden, .success), (.expected(.fault), .success):
      typealias Bit = PageTableEntry.Bit
      let manner = verdict.manner
      return denyAdvice(question, walk, in: memory, uses) { word in
        switch manner.kind {
        case .read:
          manner.privilege == .user && word & Bit.userSupervisor != 0
            ? word & ~Bit.userSupervisor : word & ~Bit.present
        case .write: word & ~Bit.readWrite
        case .fetch: word | Bit.noExecute
        }
      }
    case (.forbidden, _), (.expected(.fault), _):
      return "it faults, but for another reason: "
        + (blame?.sentence ?? "no entry is to blame")
    }
  }

  private static func pointAdvice(
    at page: UInt64, _ question: AccessQuestion, _ walk: Walk,
    in memory: borrowing some PhysicalMemory & ~Copyable, _ uses: TableUses
  ) -> String {
    let wanted = page | question.address & 0xfff
    guard let step = walk.steps.last, let size = PageSize(level: step.level) else {
      return "map the page to \(HexadecimalNumber(page))"
    }
    let start = wanted &- question.address & (size.byteCount - 1)
    let kept = step.entry.rawValue & ~(PageTableEntry.Bit.address & ~(size.byteCount - 1))
    let change = EntryChange(step, to: kept | start)
    if start & (size.byteCount - 1) == 0,
      let cure = question.cure(
        changing: [change], arrivingAt: GuestPhysicalAddress(truncating: wanted), in: memory, uses)
    {
      return cure.sentence
    }
    return "no page of \(size.label) of \(step.place) leads to \(HexadecimalNumber(wanted)): "
      + "map the page to \(HexadecimalNumber(page)) by tables of its own"
  }

  /// The change of the leaf that would stop an access that should fault.
  private static func denyAdvice(
    _ question: AccessQuestion, _ walk: Walk,
    in memory: borrowing some PhysicalMemory & ~Copyable, _ uses: TableUses,
    _ edit: (UInt64) -> UInt64
  ) -> String {
    guard let step = walk.steps.last else { return "unmap the page" }
    let change = EntryChange(step, to: edit(step.entry.rawValue))
    return question.cureThatFaults(changing: [change], in: memory, uses)?.sentence
      ?? "map the page by tables of its own: a change of \(step.place) alone does not stop the "
      + "access, or changes other mappings"
  }
}
