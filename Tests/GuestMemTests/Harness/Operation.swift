// Operation: one step of a test, as data, so that it can be printed, repeated and shrunk.

import GuestMem
import MMU

/// One operation on a page table; addresses and sizes in 4 KiB pages.
enum Operation: Hashable {
  case map(UInt64, UInt64, to: UInt64, PageProperties, PageSizeChoice)
  case unmap(UInt64, UInt64)
  case protect(UInt64, UInt64, PropertyChange)
  case split(UInt64, Level)
  case collapse(UInt64, Level)
  case allocate(UInt64, Level)
  case replace(UInt64, Level, with: UInt64?, PageProperties)
  case entryProtect(UInt64, Level, PageProperties)
  case cursorMap(UInt64, Level, to: UInt64, PageProperties)
  case remap(UInt64, Level, to: UInt64, PageProperties)
  case take(UInt64, UInt64)
  case protectNext(UInt64, UInt64, PageProperties)
  case find(UInt64, UInt64)
  case cursorUnmap(UInt64, UInt64)
  case cursorProtect(UInt64, UInt64, PropertyChange)
  case cursorMapRange(UInt64, UInt64, to: UInt64, PageProperties, PageSizeChoice)
  case hardware(UInt64, UInt64)
}

/// What happened: an error's stable name, or what the operation answered.
enum OperationResult: Hashable {
  case failed(String)
  case done
  case byteCount(UInt64)
  case page(ModelLeaf)
  case table(start: UInt64, byteCount: UInt64, mapped: UInt64)
  case found(UInt64?)
}
