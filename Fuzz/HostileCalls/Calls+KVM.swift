// The calls of KVM. They do nothing where there is no KVM.

import CKVM
import KVM
import MMU

extension HostileCall {
  static let kvm: [HostileCall] = [
    HostileCall("KVM.Device.init(path:)") {
      touch(try Device(path: $0.text()).capability(.memorySlotCount))
    },
    HostileCall(
      "KVM.Capability.init(rawValue:)", "KVM.Device.capability(_:)",
      "KVM.Device.supportedProcessor()", "KVM.Device.makeVirtualMachine()"
    ) {
      let device = try Device()
      touch(device.capability(Capability(rawValue: Int32(truncatingIfNeeded: $0.random()))))
      touch(try device.supportedProcessor().vendorName)
      _ = try device.makeVirtualMachine()
    },
    HostileCall("KVM.SystemErrorName.init(_:)", "KVM.TableWalker.init(rawValue:)") {
      touch(SystemErrorName(Int32(truncatingIfNeeded: $0.random())).description)
      touch(TableWalker(rawValue: $0.text()))
    },
    HostileCall(
      "KVM.TableWalker.ofHost()", "KVM.hostKernelRelease()", "KVM.hostProcessorHas(flag:)",
      "KVM.hostProcessorName()"
    ) {
      touch((TableWalker.ofHost(), hostKernelRelease(), hostProcessorName()))
      touch(hostProcessorHas(flag: $0.text()))
    },
    HostileCall(
      "KVM.VirtualMachine.deleteMemorySlot(_:at:)",
      "KVM.VirtualMachine.makeVirtualCPU(identifier:)",
      "KVM.VirtualMachine.reserveHostPages(at:)", "KVM.VirtualMachine.setShadowPageCount(_:)"
    ) {
      let machine = try Device().makeVirtualMachine()
      try? machine.deleteMemorySlot(UInt32(truncatingIfNeeded: $0.word()), at: $0.physical())
      machine.reserveHostPages(at: $0.physical())
      try? machine.setShadowPageCount($0.number())
      touch(try machine.makeVirtualCPU(identifier: $0.number()).registers().rip)
    },
    HostileCall(
      "KVM.VirtualCPU.answerMMIORead(_:)", "KVM.VirtualCPU.injectNMI()",
      "KVM.VirtualCPU.registers()", "KVM.VirtualCPUKick.kick()",
      "KVM.VirtualCPU.run(limit:)", "KVM.VirtualCPU.setMSR(_:to:)",
      "KVM.VirtualCPU.setPKRU(_:offset:)", "KVM.VirtualCPU.setProcessor(_:)",
      "KVM.VirtualCPU.setRegisters(_:)", "KVM.VirtualCPU.setSpecialRegisters(_:)",
      "KVM.VirtualCPU.specialRegisters()", "KVM.VirtualCPU.translate(_:)"
    ) {
      // The machine ends before its processor.
      func processor() throws -> VirtualCPU {
        let device = try Device()
        let machine = try device.makeVirtualMachine()
        let processor = try machine.makeVirtualCPU()
        try processor.setProcessor(try device.supportedProcessor())
        return processor
      }
      var cpu = try processor()
      var registers = try cpu.registers()
      registers.rip = $0.word()
      registers.rsp = $0.word()
      registers.rflags = $0.random()
      try? cpu.setRegisters(registers)
      var special = try cpu.specialRegisters()
      special.cr0 = $0.bool() ? special.cr0 : $0.random()
      special.cr3 = $0.word()
      special.cr4 = $0.bool() ? special.cr4 : $0.random()
      try? cpu.setSpecialRegisters(special)
      try? cpu.setMSR(UInt32(truncatingIfNeeded: $0.word()), to: $0.word())
      try? cpu.setPKRU(
        UInt32(truncatingIfNeeded: $0.random()), offset: UInt32(truncatingIfNeeded: $0.word()))
      touch(try? cpu.translate($0.word()))
      cpu.answerMMIORead($0.word())
      if $0.bool() { try? cpu.injectNMI() }
      if $0.bool() { cpu.kick.kick() }
      touch(try cpu.run(limit: $0.duration()))
      cpu.answerMMIORead($0.word())
    },
  ]
}
