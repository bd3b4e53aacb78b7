// KVMError: what went wrong between this process and the kernel's KVM.

/// Why an operation on KVM failed.
public enum KVMError: Error, Hashable, Sendable {
  /// There is no such device file.
  case noDevice(path: String)
  /// There is a device file, and no driver behind it.
  case noDriver(path: String)
  /// No file has a path with a NUL inside.
  case pathWithNUL(String)
  /// The file is a folder, a regular file or the like.
  case notADevice(path: String)
  /// The device file may not be opened for reading and writing by this user.
  case permissionDenied(path: String)
  /// The device was opened and does not answer KVM's ioctls.
  case notKVM(path: String)
  /// The device answers with another version of the API than 12.
  ///
  /// Source: KVM API document, section 4.1.
  case wrongAPIVersion(Int64, path: String)
  /// A system call failed.
  case call(KVMCall, errorNumber: Int32)
  /// A capability that is needed is not offered.
  case missingCapability(name: String)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .noDevice: "no-kvm-device"
    case .noDriver: "no-kvm-driver"
    case .pathWithNUL: "path-with-nul"
    case .notADevice: "not-a-device"
    case .permissionDenied: "kvm-permission-denied"
    case .notKVM: "not-kvm"
    case .wrongAPIVersion: "wrong-kvm-api-version"
    case .call: "kvm-call-failed"
    case .missingCapability: "missing-kvm-capability"
    }
  }

  /// What happened, in one lower-case sentence without a full stop.
  public var message: String {
    switch self {
    case .noDevice(let path): "there is no KVM device at \(path)"
    case .noDriver(let path): "no driver answers at \(path)"
    case .pathWithNUL(let path):
      "the path \(path.replacing("\0", with: "\\0")) has a NUL inside, which no file's name has"
    case .notADevice(let path): "\(path) is not a device"
    case .permissionDenied(let path): "no permission to open \(path) for reading and writing"
    case .notKVM(let path): "\(path) is a device, and not KVM"
    case .wrongAPIVersion(let version, let path):
      "\(path) speaks KVM API version \(version), not 12"
    case .call(let call, let errorNumber):
      "\(call) failed: \(SystemErrorName(errorNumber))"
    case .missingCapability(let name): "this kernel's KVM does not offer \(name)"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .noDevice:
      "load the module (sudo modprobe kvm_intel, kvm_amd or kvm_pvm); in a virtual machine enable"
        + " nested virtualization, in a container pass --device /dev/kvm"
    case .noDriver:
      "load the module: sudo modprobe kvm_intel, kvm_amd or kvm_pvm, whichever the processor has"
    case .pathWithNUL, .notADevice: "pass the path of the KVM device, usually /dev/kvm"
    case .permissionDenied(let path):
      "join the group that owns the device (sudo usermod -aG kvm $USER, then log in again),"
        + " or: sudo chmod 666 \(path)"
    case .notKVM: "pass the path of the KVM device, usually /dev/kvm"
    case .wrongAPIVersion: "every Linux since 2.6.22 speaks version 12: is this another system?"
    case .call(let call, let errorNumber): call.hint(errorNumber: errorNumber)
    case .missingCapability: "use a newer kernel"
    }
  }
}
