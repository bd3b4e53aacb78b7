// FrameMetadata: 16 bytes of host memory for each 4 KiB frame of guest memory.

internal import CAtomics
internal import CLinux

extension FrameMetadataView {
  /// New metadata of frames that nobody has used: an ownership word and a node word each.
  ///
  /// It is sparse: the metadata of frames that were never used takes no memory. It is given back
  /// when no view of it is left.
  init(frameCount: UInt64) throws(FrameAllocationError) {
    let byteCount = frameCount &* 16 &+ 4096
    let mapping: MappedMemory
    do throws(SystemRefusal) {
      mapping = try MappedMemory(
        byteCount: byteCount, flags: CLINUX_MAP_PRIVATE | CLINUX_MAP_ANONYMOUS)
    } catch {
      throw .metadataRefused(byteCount: byteCount, errorNumber: error.errorNumber)
    }
    // SAFETY: the second word of the header page, which was mapped just now.
    unsafe catomic_store_release(mapping.baseAddress + 8, 1)
    // SAFETY: the first page is the header; the words of `frameCount` frames follow it.
    unsafe self.init(
      baseAddress: mapping.baseAddress + 4096, frameCount: frameCount, keeping: mapping)
  }
}
