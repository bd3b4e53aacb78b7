// Explorer: every sequence of operations, breadth first, each state once.

import MMU

@testable import GuestMem

/// What an exploration found.
struct Exploration {
  var stateCount = 0
  var transitionCount = 0
  /// Every sequence of at most this many operations was covered; nil when there are no new states.
  var completeDepth: Int?
  /// The operations that lead to the first failure, and what failed.
  var failure: (path: [Operation], message: String)?
  /// Locks that were taken and released, when they are recorded, and those whose node had no place.
  var lockEventCount = 0
  var unplacedCount = 0
}

/// Explores the states that `operations` lead to, until there are no new ones or `limit`
/// transitions were made.
func explore<Configuration: PageTableConfiguration>(
  _: Configuration.Type, levels: Level, frameCount: UInt64, operations: [Operation], limit: Int,
  strictly usesStrictOrder: Bool = false
) throws -> Exploration {
  var world = try World<Configuration>(
    levels: levels, frameCount: frameCount,
    pageFrameCount: Configuration.leafOwnership == .none ? 0 : 16)
  world.usesStrictOrder = usesStrictOrder
  var exploration = Exploration()
  var visited: Set<[UInt64]> = [world.image.shape]
  var queue: [(state: RawState, model: Model, depth: Int, parent: Int, operation: Operation?)] = [
    (RawState(world), world.model, 0, -1, nil)
  ]
  var head = 0
  while head < queue.count {
    let current = queue[head]
    if exploration.transitionCount >= limit {
      exploration.completeDepth = current.depth
      break
    }
    current.state.restore(&world)
    world.model = current.model
    let before = world.image
    for operation in operations {
      exploration.transitionCount += 1
      if let message = world.step(operation, before: before) {
        var path = [operation]
        var index = head
        while index > 0 {
          if let step = queue[index].operation { path.insert(step, at: 0) }
          index = queue[index].parent
        }
        exploration.failure = (path, message)
        return exploration
      }
      let after = world.image
      if after != before || world.model != current.model {
        if visited.insert(after.shape).inserted {
          queue.append((RawState(world), world.model, current.depth + 1, head, operation))
        }
        current.state.restore(&world)
        world.model = current.model
      }
    }
    head += 1
  }
  exploration.stateCount = visited.count
  exploration.lockEventCount = world.locks?.order.eventCount ?? 0
  exploration.unplacedCount = world.locks?.unplacedCount ?? 0
  return exploration
}
