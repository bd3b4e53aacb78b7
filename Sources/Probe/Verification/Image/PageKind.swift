// PageKind: what the pages of an image are grouped by in a report.

public import MMU

/// Pages that the model expects to behave alike.
public struct PageKind: Hashable, Sendable {
  /// The size of the leaves; nil for links to tables whose leaves are probed at another address.
  public let pageSize: PageSize?
  /// What accesses at CPL 0 may do, by the model.
  public let supervisor: EffectiveRights
  /// What accesses at CPL 3 may do, by the model.
  public let user: EffectiveRights
  /// The image has memory where they lead.
  public let hasMemory: Bool

  init(_ run: MappedRun, settings: ProcessorSettings, hasMemory: Bool) {
    pageSize = run.pageSize
    supervisor = run.effectiveRights(mode: settings.mode(at: .supervisor))
    user = run.effectiveRights(mode: settings.mode(at: .user))
    self.hasMemory = hasMemory
  }

  private init() {
    pageSize = nil
    supervisor = []
    user = []
    hasMemory = false
  }

  /// Links to tables that are gone through at another address with the same rights.
  static let shared = PageKind()
}
