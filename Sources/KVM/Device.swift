// Device: /dev/kvm.

internal import CKVM
internal import CLinux

/// The KVM device: what the kernel offers, and where virtual machines come from.
///
/// Source: KVM API document, section 4, system ioctls.
public struct Device: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  /// The path that was opened.
  public let path: String

  /// The path of the device on every Linux system.
  public static let standardPath = "/dev/kvm"

  /// Opens the device and checks that it is KVM and speaks version 12 of its API.
  ///
  /// - Throws: ``KVMError`` with the path and a fix for a missing device, a missing permission, a
  ///   file that is no device, a device that is not KVM, and another API version.
  public init(path: String = Device.standardPath) throws(KVMError) {
    descriptor = try Self.open(path)
    self.path = path
  }

  private static func open(_ path: String) throws(KVMError) -> FileDescriptor {
    // A path with a NUL inside would be cut short silently.
    guard !path.utf8.contains(0) else { throw .pathWithNUL(path) }
    // SAFETY: the string outlives the call, which reads it up to its NUL.
    let result = unsafe path.withCString { unsafe clinux_open_read_write($0) }
    switch -Int32(truncatingIfNeeded: result) {
    case ENOENT, ENOTDIR: throw .noDevice(path: path)
    case ENXIO, ENODEV: throw .noDriver(path: path)
    case EACCES, EPERM: throw .permissionDenied(path: path)
    case EISDIR, ELOOP: throw .notADevice(path: path)
    default: break
    }
    let descriptor = FileDescriptor(owning: CInt(try checked(result, .openDevice(path: path))))
    guard try checked(clinux_is_character_device(descriptor.number), .openDevice(path: path)) != 0
    else { throw .notADevice(path: path) }
    try checkKVM(
      version: ckvm_get_api_version(descriptor.number),
      userMemory: ckvm_check_extension(descriptor.number, UInt64(KVM_CAP_USER_MEMORY)), path: path)
    return descriptor
  }

  /// Throws unless these answers, or errors below 0, to two of KVM's ioctls are those of KVM.
  static func checkKVM(version: Int64, userMemory: Int64, path: String) throws(KVMError) {
    guard version >= 0 else { throw .notKVM(path: path) }
    guard version == Int64(KVM_API_VERSION) else { throw .wrongAPIVersion(version, path: path) }
    // Other devices answer some ioctls by chance: KVM also has user memory.
    guard userMemory > 0 else { throw .notKVM(path: path) }
  }

  /// The value of a capability; 0 where KVM does not offer it or there is none of this number.
  ///
  /// Source: KVM API document, section 4.4.
  public func capability(_ capability: Capability) -> Int {
    Int(
      max(
        0, ckvm_check_extension(descriptor.number, UInt64(bitPattern: Int64(capability.rawValue)))))
  }

  /// The processor that KVM can show to a guest.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_GET_SUPPORTED_CPUID fails.
  public func supportedProcessor() throws(KVMError) -> SupportedProcessor {
    var leaves = ckvm_cpuid()
    // SAFETY: the structure has room for as many entries as its count says.
    _ = try checked(unsafe ckvm_get_supported_cpuid(descriptor.number, &leaves), .getSupportedCPUID)
    return SupportedProcessor(leaves)
  }

  /// A new virtual machine without memory or processors.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_CREATE_VM fails, or what is asked of the
  ///   new machine.
  public func makeVirtualMachine() throws(KVMError) -> VirtualMachine {
    // Owned at once, so that it is closed when what follows fails.
    let machine = FileDescriptor(
      owning: CInt(try checked(ckvm_create_vm(descriptor.number), .createVirtualMachine)))
    let runByteCount = try checked(
      ckvm_get_vcpu_mmap_size(descriptor.number), .mapRunStructure(byteCount: 0))
    return VirtualMachine(descriptor: machine, runByteCount: runByteCount)
  }
}

/// What KVM can be asked about itself.
///
/// Source: KVM API document, section 4.4, and `<linux/kvm.h>`.
public struct Capability: RawRepresentable, Hashable, Sendable {
  /// The number of the `KVM_CAP_` constant.
  public let rawValue: Int32

  /// Takes any number; an unknown one is not offered.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// KVM_CAP_NR_MEMSLOTS: how many memory slots a machine can have.
  public static let memorySlotCount = Capability(rawValue: KVM_CAP_NR_MEMSLOTS)
  /// KVM_CAP_NR_VCPUS: the recommended number of vCPUs.
  public static let virtualCPUCount = Capability(rawValue: KVM_CAP_NR_VCPUS)
  /// KVM_CAP_SYNC_MMU: host mappings may change under a running guest.
  public static let synchronousMMU = Capability(rawValue: KVM_CAP_SYNC_MMU)
  /// KVM_CAP_IMMEDIATE_EXIT: a run can be ended before it begins.
  public static let immediateExit = Capability(rawValue: KVM_CAP_IMMEDIATE_EXIT)
}
