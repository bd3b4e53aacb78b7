// Owners of frames: every transition, what is refused, and threads that compete.

import MMU
import Synchronization
import TestSupport
import Testing

@testable import GuestMem

@Suite("The states of a frame lead to each other and nowhere else")
struct FrameOwnershipTests {
  @Test("Every transition from every state")
  func transitions() throws {
    let allocator = try FrameAllocator(byteCount: 1 << 20)
    let metadata = allocator.metadata
    let most = FrameOwnership.maximumOwnerCount
    let states: [FrameOwnership] = [
      .unused, .busy, .unique, .shared(1), .shared(2), .shared(most), .invalid(most + 1),
    ]
    for state in states {
      #expect(FrameOwnership(rawValue: state.rawValue) == state)
      metadata.setOwnership(state, of: 3)
      let claimed = (try? metadata.claim(3)) != nil
      #expect(claimed == (state == .unused))
      #expect(metadata.ownership(of: 3) == (claimed ? .busy : state))
      metadata.setOwnership(state, of: 3)
      let shared = (try? metadata.addOwner(of: 3)) != nil
      #expect(shared == [.shared(1), .shared(2)].contains(state))
      metadata.setOwnership(state, of: 3)
      let remaining = try? metadata.removeOwner(of: 3)
      switch state {
      case .shared(1), .unique:
        #expect(remaining == RemainingOwners.none && metadata.ownership(of: 3) == .busy)
      case .shared(let count):
        #expect(remaining == .some(.some) && metadata.ownership(of: 3) == .shared(count - 1))
      default: #expect(remaining == nil && metadata.ownership(of: 3) == state)
      }
    }
    #expect(throws: FrameStateError.outOfRange(frame: 256)) { try metadata.claim(256) }
    #expect(throws: FrameStateError.outOfRange(frame: .max)) { try metadata.addOwner(of: .max) }
    metadata.setOwnership(.shared(most), of: 3)
    #expect(throws: FrameStateError.tooManyOwners(frame: 3)) { try metadata.addOwner(of: 3) }
  }

  @Test("Handles count owners of every frame of a run, and give each back once")
  func handles() throws {
    var allocator = try FrameAllocator(byteCount: 8 << 20)
    do {
      let run = try allocator.allocateFrame(of: .size2MiB)
      #expect(run.frame % 512 == 0 && run.frameCount == 512)
      let other = try run.share()
      #expect(allocator.metadata.ownership(of: run.frame + 511) == .shared(2))
      _ = other.frame
      #expect(throws: FrameStateError.unused(frame: run.frame + 512)) {
        _ = try FrameHandle(
          sharing: run.frame + 511, frameCount: 2, metadata: allocator.metadata)
      }
      #expect(allocator.metadata.ownership(of: run.frame + 511) == .shared(2))
    }
    let unique = try allocator.allocateUniqueFrame()
    let frame = unique.frame
    #expect(allocator.metadata.ownership(of: frame) == .unique)
    #expect(throws: FrameStateError.unique(frame: frame)) {
      try allocator.metadata.addOwner(of: frame)
    }
    let shared = unique.shared()
    #expect(allocator.metadata.ownership(of: shared.frame) == .shared(1))
    _ = consume shared
    allocator.drainStack()
    #expect(allocator.freeByteCount == 8 << 20)
    #expect(try allocator.allocateFrame(of: .size2MiB).frame == 0)
    #expect(throws: FrameAllocationError.self) { _ = try allocator.allocateFrame(of: .size1GiB) }
  }

  @Test("One of two threads claims a frame, and shares come and go without a loss")
  func threads() throws {
    let allocator = try FrameAllocator(byteCount: 16 << 20)
    let metadata = allocator.metadata
    let claims = Atomic<Int>(0)
    let rounds = 4000
    metadata.setOwnership(.shared(1), of: 0)
    let body: @Sendable () -> Void = {
      for frame in 1..<UInt64(rounds) {
        if (try? metadata.claim(frame)) != nil { claims.add(1, ordering: .relaxed) }
        if (try? metadata.addOwner(of: 0)) != nil { _ = try? metadata.removeOwner(of: 0) }
      }
    }
    let thread = WorkerThread(body)
    body()
    thread.join()
    #expect(claims.load(ordering: .relaxed) == rounds - 1)
    #expect(metadata.ownership(of: 0) == .shared(1))
  }

  @Test("Sixteen bytes of host memory for each frame")
  func size() throws {
    let allocator = try FrameAllocator(byteCount: 1 << 30)
    let first = unsafe allocator.metadata.ownershipAddress(0)
    let second = unsafe allocator.metadata.ownershipAddress(1)
    let distance = unsafe try #require(second) - #require(first)
    #expect(distance == 16)
  }
}
