// The six special checks of kvm-unit-tests' `access`, from their descriptions.

import MMU

extension SequenceMaker {
  private static let pool = ConformanceTables.poolAddress
  private typealias Step = ConformanceSequence.Step

  func specialChecks() -> [ConformanceSequence] {
    aliases() + [prefetchedNeighbour(), writeProtectToggled(), effectiveRights()]
      + (features.contains(.smep) ? [fetchAfterWrite()] : [])
  }

  /// Two linear addresses of one page, one of which allows writes: the other must not get them, and
  /// D belongs to each by itself; with WP set and clear, for pages of both sizes.
  private func aliases() -> [ConformanceSequence] {
    [PageSize.size4KiB, .size2MiB].flatMap { size in
      [true, false].map { isWriteProtectEnabled in
        var space = SequenceSpace(rootLevel: rootLevel)
        let writable = address(1)
        let readOnly = address(2)
        space.map(writable, to: Self.pool, 0x7, size)
        space.map(readOnly, to: Self.pool, 0x5, size)
        var settings = ProcessorSettings()
        settings.isWriteProtectEnabled = isWriteProtectEnabled
        var steps: [Step] = []
        for first in [writable, readOnly] {
          for privilege in PrivilegeLevel.allCases {
            for access in [ConformanceAccess.read, .write, .read] {
              steps.append(.access(access, privilege, [first], .current))
              steps.append(.access(access, privilege, [writable, readOnly], .current))
            }
          }
        }
        return sequence(
          "two linear addresses of one \(size == .size4KiB ? "4 KiB" : "2 MiB") page, WP="
            + (isWriteProtectEnabled ? "1" : "0"), space, steps, in: settings)
      }
    }
  }

  /// A neighbour of a used entry has a reserved bit: what the processor fetched ahead must not
  /// change the error code.
  private func prefetchedNeighbour() -> ConformanceSequence {
    var space = SequenceSpace(rootLevel: rootLevel)
    let page = address(1)
    for index in 0..<8 as Range<UInt64> {
      let noExecute: UInt64 = index & 1 != 0 ? 1 << 63 : 0
      space.map(page + index << 12, to: Self.pool + index << 12, Self.quiet | noExecute)
    }
    var settings = ProcessorSettings()
    settings.isNoExecuteEnabled = false
    let pages = (0..<8 as Range<UInt64>).map { page + $0 << 12 }
    return sequence(
      "a neighbour with a reserved bit", space,
      PrivilegeLevel.allCases.flatMap { privilege in
        [ConformanceAccess.read, .write, .fetch].map {
          Step.access($0, privilege, pages, .current)
        }
      }, in: settings)
  }

  /// CR0.WP is turned off and on between writes of one page, with and without a change of NXE.
  ///
  /// Source: Intel SDM volume 3A, section 5.6 (the rights are those of the mode at the access).
  private func writeProtectToggled() -> ConformanceSequence {
    var space = SequenceSpace(rootLevel: rootLevel)
    let pages = [address(1), address(2)]
    space.map(pages[0], to: Self.pool, 0x61)
    space.map(pages[1], to: Self.pool + (2 << 20), 0x65, .size2MiB)
    var steps: [Step] = []
    for isNoExecuteEnabled in [true, false, true] {
      for isWriteProtectEnabled in [true, false, true, false] {
        var settings = ProcessorSettings()
        settings.isNoExecuteEnabled = isNoExecuteEnabled
        steps += [
          .set(settings), .setWriteProtect(isWriteProtectEnabled),
          .access(.write, .supervisor, pages, .current),
          .access(.read, .supervisor, pages, .current),
        ]
      }
    }
    return sequence("WP is turned off and on", space, steps)
  }

  /// Four linear addresses, two PDPTEs of which one forbids writes, one page directory: the rights
  /// of the path count and not those of the shared part.
  private func effectiveRights() -> ConformanceSequence {
    var space = SequenceSpace(rootLevel: rootLevel)
    let gibibyte: UInt64 = 1 << 30
    let first = address(1)
    let second = address(1, gibibyte)
    space.map(first, to: Self.pool, Self.quiet)
    space.map(first + 0x20_0000, to: Self.pool + 0x1000, Self.quiet & ~4)
    let shared =
      space.place(of: first, at: .pageDirectoryPointerTable)
      .flatMap { space.words[$0] } ?? 0
    if let place = space.place(of: first, at: .pageDirectoryPointerTable) {
      space.put(shared & ~2, at: place + 8)
    }
    let pages = [first, first + 0x20_0000, second, second + 0x20_0000]
    var steps: [Step] = []
    for order in [pages, Array(pages.reversed())] {
      for privilege in PrivilegeLevel.allCases {
        for access in [ConformanceAccess.read, .write, .fetch] {
          steps.append(.access(access, privilege, order, .current))
        }
      }
    }
    return sequence("a page directory below two PDPTEs with other rights", space, steps)
  }

  /// The supervisor writes to a read-only user page with WP clear, and then may not fetch from it.
  private func fetchAfterWrite() -> ConformanceSequence {
    var space = SequenceSpace(rootLevel: rootLevel)
    let page = address(1)
    space.map(page, to: Self.pool, 0x5)
    var settings = ProcessorSettings()
    settings.isWriteProtectEnabled = false
    settings.isSMEPEnabled = true
    return sequence(
      "SMEP after a write with WP clear", space,
      [
        .access(.write, .supervisor, [page], .current),
        .access(.fetch, .supervisor, [page], .current),
        .access(.fetch, .user, [page], .current),
        .access(.write, .supervisor, [page], .current),
        .access(.fetch, .supervisor, [page], .current),
      ], in: settings)
  }
}
