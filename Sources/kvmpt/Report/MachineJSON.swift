// MachineJSON: a machine for programs.

import KVM
import MMU
import Probe

/// A machine as JSON.
enum MachineJSON {
  static func write(
    _ profile: MachineProfile?, to json: inout JSONWriter<ReportDestination>
  ) {
    guard let profile else {
      json.null()
      return
    }
    json.beginObject()
    json.member("name", profile.identity.name)
    json.member("walker", profile.identity.walker.rawValue)
    json.member("host-processor", profile.identity.hostProcessor.rawValue)
    json.member("program-version", profile.identity.programVersion)
    json.member("processor", profile.identity.processorName)
    json.member("kernel", profile.identity.kernelRelease)
    json.member("vendor", profile.vendor == .amd ? "amd" : "intel")
    json.member("physical-address-bits", Int(profile.physicalAddressWidth))
    json.key("features")
    json.beginArray()
    for feature in MachineFeature.allCases where profile.features.contains(feature) {
      json.value(feature.rawValue)
    }
    json.endArray()
    json.key("deviations")
    json.beginArray()
    for deviation in profile.deviations {
      json.beginObject()
      json.member("id", deviation.id)
      json.member("message", deviation.message)
      json.endObject()
    }
    json.endArray()
    json.key("remarks")
    json.beginArray()
    for remark in profile.remarks {
      json.beginObject()
      json.member("id", remark.id)
      json.member("message", remark.message)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }
}
