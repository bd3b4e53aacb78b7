// FrameMetadataView, returned frames: a stack that handles push to and the allocator empties.

public import CAtomics

extension FrameMetadataView {
  /// The word that holds the number of the top frame plus 1, or 0; in the page before the frames.
  @inlinable
  var returnedTop: UnsafeMutableRawPointer {
    // SAFETY: the header page stands before the words of the frames.
    unsafe baseAddress - 4096
  }

  /// A word that is never 0, for those who look for absent entries where there are none.
  @inlinable
  var neverAbsent: UnsafeMutableRawPointer {
    // SAFETY: the header page stands before the words of the frames.
    unsafe baseAddress - 4088
  }

  /// Gives a busy frame back: whoever drops the last handle does this, on any thread.
  @inlinable
  func pushReturned(_ frame: UInt64) {
    // SAFETY: `returnedTop` is a word of the header page.
    var top = unsafe catomic_load_relaxed(returnedTop)
    repeat {
      setNodeState(NodeState(rawValue: top &<< 8), of: frame)
      setOwnership(.unused, of: frame)
      // SAFETY: `returnedTop` is a word of the header page.
    } while unsafe !catomic_compare_exchange(returnedTop, &top, frame &+ 1)
  }

  /// Takes all returned frames at once, as the top of a list through their node words.
  @inlinable
  func takeReturned() -> UInt64 {
    // SAFETY: `returnedTop` is a word of the header page.
    if unsafe catomic_load_relaxed(returnedTop) == 0 { return 0 }
    // SAFETY: `returnedTop` is a word of the header page.
    return unsafe catomic_exchange(returnedTop, 0)
  }
}
