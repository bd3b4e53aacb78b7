// FileMapping: the owner of a range of this process's addresses that shows parts of a file.

internal import CLinux
import GuestMem

/// A range of addresses, unmapped at the end; nothing is behind it until a part is filled.
@safe final class FileMapping {
  private let baseAddress: UnsafeMutableRawPointer
  private let byteCount: UInt64

  /// Reserves `byteCount` bytes, at least a page, that read as zero.
  init(byteCount: UInt64) throws(GuestMemoryError) {
    let size = max(byteCount, 4096)
    var address: UnsafeMutableRawPointer?
    // SAFETY: `address` is a variable of this call.
    let result = unsafe clinux_map(
      size, CLINUX_PROT_READ | CLINUX_PROT_WRITE,
      CLINUX_MAP_PRIVATE | CLINUX_MAP_ANONYMOUS | CLINUX_MAP_NORESERVE, -1, 0, &address)
    guard result >= 0, let mapped = unsafe address else {
      throw .refused(operation: "mmap", byteCount: byteCount, errorNumber: Int32(-result))
    }
    unsafe baseAddress = mapped
    self.byteCount = size
  }

  /// Shows `count` bytes of a file from `fileOffset` on, shared, at `offset` of the range.
  func show(
    _ fileDescriptor: CInt, from fileOffset: UInt64, at offset: UInt64, byteCount count: UInt64
  ) throws(GuestMemoryError) {
    guard count > 0, offset <= byteCount, count <= byteCount - offset else { return }
    // SAFETY: the part lies inside the range, which this object owns.
    let result = unsafe clinux_map_over(
      baseAddress + Int(offset), count, CLINUX_PROT_READ | CLINUX_PROT_WRITE,
      CLINUX_MAP_SHARED | CLINUX_MAP_NORESERVE, fileDescriptor, fileOffset)
    guard result >= 0 else {
      throw .refused(operation: "mmap", byteCount: count, errorNumber: Int32(-result))
    }
  }

  /// The first `count` bytes as memory; the view keeps this object.
  func view(byteCount count: UInt64) -> MemoryView {
    // SAFETY: the range stays mapped for as long as `self` lives.
    unsafe MemoryView(
      baseAddress: baseAddress, byteCount: min(count, byteCount), keeping: self)
  }

  deinit {
    // SAFETY: the range was mapped by the initializer and is unmapped nowhere else.
    _ = unsafe clinux_unmap(baseAddress, byteCount)
  }
}
