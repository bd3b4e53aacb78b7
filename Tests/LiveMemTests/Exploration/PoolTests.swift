// The parts below the tables, under every schedule: frames, epochs, requests.

import GuestMem
import MMU
import Testing

@testable import LiveMem

@Suite("Frames and epochs, every schedule")
struct PoolTests {
  private final class Taken {
    var frames: [[UInt64]]
    init(_ count: Int) { frames = .init(repeating: [], count: count) }
  }

  private func makePool(
    _ memory: MemoryView, frames: UInt64
  ) throws -> FramePool<ScheduledAccess> {
    var allocator = try FrameAllocator(byteCount: frames * 4096)
    return try FramePool(
      memory: memory, byteCount: frames * 4096, allocator: &allocator, stackCount: 1)
  }

  /// Threads take and give; no frame is two threads' at once and none is lost.
  @Test("A frame is never given to two threads, and comes back")
  func frames() throws {
    let memory = try GuestMemory(byteCount: 3 * 4096, backing: .anonymous)
    let view = memory.view
    // The third thread makes heads come back with the same frame on top.
    let programs: [[String]] = [["t", "t", "g", "t"], ["t", "g", "t"], ["t", "g", "t", "g"]]
    for pair in [[0, 1], [1, 2], [0, 2], [2, 2]] {
      let result = Explorer {
        guard let pool = try? makePool(view, frames: 3) else { return ([], { _ in "no pool" }) }
        // Two frames lie on the stack from the beginning.
        let first = pool.take()
        let second = pool.take()
        if let first, let second {
          pool.give(first)
          pool.give(second)
        }
        let taken = Taken(pair.count)
        let threads: [() -> Void] = pair.indices.map { thread in
          {
            for step in programs[pair[thread]] {
              if step == "t" {
                if let frame = pool.take() { taken.frames[thread].append(frame.frame) }
              } else if let frame = taken.frames[thread].popLast() {
                pool.give(TableFrame(validated: frame << 12))
              }
            }
          }
        }
        return (
          threads,
          { isOver in
            let all = taken.frames.flatMap { $0 }
            if Set(all).count != all.count { return "a frame is two threads': \(all)" }
            guard isOver else { return nil }
            let free = pool.freeFrameCount
            return free + UInt64(all.count) == 3 ? nil : "\(free) free and \(all.count) taken of 3"
          }
        )
      }.explore()
      #expect(result.violation == nil, "\(String(describing: result.violation))")
      #expect(!result.isCut && result.schedules > 20)
    }
  }

  /// What a pinned reader found in an epoch is not over while it is pinned.
  @Test("An epoch does not end while a reader who could have found something is pinned")
  func epochs() throws {
    final class State {
      var freed = false
      var isReading = false
    }
    let result = Explorer {
      let epochs = EpochDomain<ScheduledAccess>(capacity: 3)
      // 1 while the thing can be found.
      let link = WordLines(count: 1)
      HardwareAccess.store(link.word(0), 1)
      let state = State()
      let reader: () -> Void = {
        guard let pin = try? epochs.pin() else { return }
        if ScheduledAccess.load(link.word(0)) == 1 {
          state.isReading = true
          // Time passes while the thing is used.
          _ = ScheduledAccess.load(link.word(0, 1))
          state.isReading = false
        }
        _ = consume pin
      }
      let remover: () -> Void = {
        _ = ScheduledAccess.exchange(link.word(0), 0)
        let epoch = epochs.epoch
        epochs.advance()
        epochs.advance()
        epochs.advance()
        _ = ScheduledAccess.fetchAdd(link.word(0, 1), 1)
        if epochs.isOver(epoch) { state.freed = true }
      }
      return (
        [reader, remover, reader],
        { _ in state.freed && state.isReading ? "freed while it is read" : nil }
      )
    }.explore()
    #expect(result.violation == nil, "\(String(describing: result.violation))")
    #expect(!result.isCut && result.schedules > 50)
  }
}
