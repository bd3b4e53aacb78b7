// FrameMetadata: 16 bytes of host memory for each 4 KiB frame of guest memory.

internal import CKVM

/// The owner of the metadata of all frames: an ownership word and a node word each.
///
/// It is sparse: the metadata of frames that were never used takes no memory.
@safe struct FrameMetadata: ~Copyable, @unchecked Sendable {
  private let baseAddress: UnsafeMutableRawPointer
  private let mappedByteCount: UInt64
  let frameCount: UInt64

  init(frameCount: UInt64) throws(FrameAllocationError) {
    let byteCount = frameCount &* 16 &+ 4096
    var address: UnsafeMutableRawPointer?
    // SAFETY: `address` is a variable of this call.
    let result = unsafe ckvm_map(
      byteCount, CKVM_PROT_READ | CKVM_PROT_WRITE,
      CKVM_MAP_PRIVATE | CKVM_MAP_ANONYMOUS | CKVM_MAP_NORESERVE, -1, 0, &address)
    guard result >= 0, let mapped = unsafe address else {
      throw .metadataRefused(byteCount: byteCount, errorNumber: Int32(-result))
    }
    // SAFETY: the second word of the header page, which was mapped just now.
    unsafe ckvm_store_release(mapped + 8, 1)
    unsafe self.baseAddress = mapped
    self.mappedByteCount = byteCount
    self.frameCount = frameCount
  }

  deinit {
    // SAFETY: the range was mapped by the initializer and is unmapped nowhere else.
    _ = unsafe ckvm_unmap(baseAddress, mappedByteCount)
  }

  var view: FrameMetadataView {
    // SAFETY: the first page is the header; the words of `frameCount` frames follow it.
    unsafe FrameMetadataView(baseAddress: baseAddress + 4096, frameCount: frameCount)
  }
}
