// SharedPageTable, range: locks a range for one thread, and lets it go.

public import GuestMem
public import MMU

extension SharedPageTable {
  /// Locks the range for the calling thread, lets `body` read and change it, and unlocks it.
  ///
  /// Other threads' operations on ranges that overlap come wholly before or wholly after. `body` must
  /// not lock another range of the same table that overlaps this one: it is refused as `busy`, held
  /// by this thread. Locking others inside `body` can make threads wait in a circle, which ends when
  /// their patience does.
  ///
  /// - Parameters:
  ///   - linearAddress: The first byte, a multiple of 4 KiB.
  ///   - byteCount: The number of bytes, a multiple of 4 KiB.
  ///   - patience: How long locks are waited for.
  ///   - body: Reads and changes the range.
  /// - Returns: what `body` answers, and what must be waited for before removed pages are used again.
  /// - Throws: what is wrong with the range; `busy` when it is not free in time; and the error of
  ///   `body`, after which the changes that it made before stay, and what they made false is sent to
  ///   the processors all the same. ``ProcessorSet/ticket()`` answers a ticket for that.
  @inlinable
  public func withRange<Answer>(
    _ linearAddress: LinearAddress, byteCount: UInt64, patience: Patience = .standard,
    _ body: (inout LockedRange<Configuration>) throws(LiveTableError) -> Answer
  ) throws(LiveTableError) -> (answer: Answer, ticket: FlushTicket) {
    var locked = try lockRange(
      positions(linearAddress, byteCount: byteCount), patience)
    let answer: Answer
    do throws(LiveTableError) {
      answer = try body(&locked)
    } catch {
      _ = locked.finish()
      throw error
    }
    return (answer, locked.finish())
  }

  /// The positions of a range of whole pages that this table owns.
  @inlinable
  func positions(
    _ linearAddress: LinearAddress, byteCount: UInt64
  ) throws(LiveTableError) -> Range<UInt64> {
    do throws(PageTableError) {
      return try places.positions(linearAddress, byteCount: byteCount)
    } catch {
      throw .table(error)
    }
  }

  /// Locks a range by the protocol of this kind of table.
  @inlinable
  func lockRange(
    _ range: Range<UInt64>, _ patience: Patience
  ) throws(LiveTableError) -> LockedRange<Configuration> {
    var patience = patience
    var locked = LockedRange(self, range, pin: try places.pins.pin(patience))
    do throws(LiveTableError) {
      switch Configuration.lockProtocol {
      case .adv: try locked.lockAdv(&patience)
      case .rw: try locked.lockRW(&patience)
      case .oneLock: try locked.lockRoot(&patience)
      }
    } catch {
      _ = locked.finish()
      throw error
    }
    return locked
  }
}
