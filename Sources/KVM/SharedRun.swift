// SharedRun: the page that KVM and this process share about a vCPU.

internal import CKVM

/// The mapped `kvm_run` structure of a vCPU.
///
/// Source: KVM API document, section 5.
@safe struct SharedRun: ~Copyable, @unchecked Sendable {
  private let address: UnsafeMutableRawPointer
  private let byteCount: UInt64

  init(descriptor: CInt, byteCount: Int64) throws(KVMError) {
    guard byteCount >= MemoryLayout<kvm_run>.size else {
      throw .call(.mapRunStructure(byteCount: byteCount), errorNumber: EINVAL)
    }
    var mapped: UnsafeMutableRawPointer?
    // SAFETY: a new mapping that only this value knows.
    let result = unsafe ckvm_map(
      UInt64(byteCount), CKVM_PROT_READ | CKVM_PROT_WRITE, CKVM_MAP_SHARED, descriptor, 0, &mapped)
    _ = try checked(result, .mapRunStructure(byteCount: byteCount))
    guard let mapped = unsafe mapped else {
      throw .call(.mapRunStructure(byteCount: byteCount), errorNumber: EINVAL)
    }
    unsafe address = mapped
    self.byteCount = UInt64(byteCount)
  }

  /// The structure; valid as long as this value.
  var run: UnsafeMutablePointer<kvm_run> {
    // SAFETY: the mapping is at least as large as the structure, and page-aligned.
    unsafe address.assumingMemoryBound(to: kvm_run.self)
  }

  /// The word that a port access moves, at `offset` in the mapping; 0 where it lies outside.
  func portData(at offset: UInt64, byteCount size: UInt8) -> UInt64 {
    guard offset <= byteCount - 8 else { return 0 }
    // SAFETY: the 8 bytes at `offset` lie inside the mapping.
    let word = unsafe address.loadUnaligned(fromByteOffset: Int(offset), as: UInt64.self)
    return size >= 8 ? word : word & ((1 << (8 * UInt64(size))) - 1)
  }

  deinit {
    // SAFETY: mapped by `init`, and nothing refers to it any more.
    _ = unsafe ckvm_unmap(address, byteCount)
  }
}
