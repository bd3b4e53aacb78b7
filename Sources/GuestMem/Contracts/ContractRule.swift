// ContractRule: the invariants of page tables, each with a stable name.

/// An invariant that holds whenever no operation is going on.
///
/// The numbers are those of the contracts' list. CK-22 and CK-23 are about translation caches and
/// about memory that is given back after a flush, which are the caller's here: there is no rule.
@frozen public enum ContractRule: String, CaseIterable, Hashable, Sendable {
  /// CK-1: every word is what its meaning encodes to, with no reserved bit set.
  case codec = "codec"
  /// CK-2: an entry that leads on leads to a node one level down, inside memory.
  case levelChain = "level-chain"
  /// CK-3: every node is linked by one entry, besides what roots share; roots by none.
  case tree = "tree"
  /// CK-4: absent entries are zero, and nothing stands behind the last entry of a node.
  case nothingElse = "nothing-else"
  /// CK-5: the number of present entries is the number of present entries.
  case presentCount = "present-count"
  /// CK-6: a page is aligned to its size and inside the physical address space.
  case geometry = "geometry"
  /// CK-7: no linear address is mapped twice, and every one is canonical.
  case view = "view"
  /// CK-8: what a root does not own is absent, or the same as in the root it shares with.
  case ownedSpace = "owned-space"
  /// CK-9: every entry of the kernel's half of a kernel root links a table.
  case kernelAnchor = "kernel-anchor"
  /// CK-10: no node that can be reached is marked as unlinked.
  case stray = "stray"
  /// CK-11: every node that was allocated can be reached, or somebody owns it.
  case leak = "leak"
  /// CK-12: every ownership word is one of the states, and free frames are referred to nowhere.
  case frameState = "frame-state"
  /// CK-13: a node has as many owners as entries, handles and processors refer to it.
  case nodeOwners = "node-owners"
  /// CK-14: a page that owns its frames maps frames that have owners.
  case frameOwners = "frame-owners"
  /// CK-15: every 4 KiB frame of a large page that owns its frames has owners.
  case subFrames = "sub-frames"
  /// CK-16: a frame has as many owners as handles and owning pages refer to it.
  case accounting = "accounting"
  /// CK-17: a frame with a unique owner has one handle and is mapped by no page that owns it.
  case uniqueness = "uniqueness"
  /// CK-18: a cursor stands inside its range, on a path of nodes from its covering node.
  case cursor = "cursor"
  /// CK-19: the nodes on the paths of cursors are locked, by the cursor's thread.
  case pathLocked = "path-locked"
  /// CK-20: no other node is locked, has a holder, or is waited for.
  case othersUnlocked = "others-unlocked"
  /// CK-21: a guard's node is a node of the guard's level, and a thread holds its lock.
  case guardRelation = "guard-relation"
  /// CK-24: accessed and dirty bits of a leaf only come, until software changes the leaf.
  case accessedDirty = "accessed-dirty"
  /// Every entry above a user page is a user entry; that it is writable is a matter of CK-1.
  case linkRights = "link-rights"
  /// The recursive slot that the checker was told of leads to the root, with the rights that it has.
  case recursiveSlot = "recursive-slot"

  /// The number in the contracts' list, such as `CK-5`; `R-1` and `R-2` for those that are ours.
  public var number: String {
    switch self {
    case .codec: "CK-1"
    case .levelChain: "CK-2"
    case .tree: "CK-3"
    case .nothingElse: "CK-4"
    case .presentCount: "CK-5"
    case .geometry: "CK-6"
    case .view: "CK-7"
    case .ownedSpace: "CK-8"
    case .kernelAnchor: "CK-9"
    case .stray: "CK-10"
    case .leak: "CK-11"
    case .frameState: "CK-12"
    case .nodeOwners: "CK-13"
    case .frameOwners: "CK-14"
    case .subFrames: "CK-15"
    case .accounting: "CK-16"
    case .uniqueness: "CK-17"
    case .cursor: "CK-18"
    case .pathLocked: "CK-19"
    case .othersUnlocked: "CK-20"
    case .guardRelation: "CK-21"
    case .accessedDirty: "CK-24"
    case .linkRights: "R-1"
    case .recursiveSlot: "R-2"
    }
  }
}
