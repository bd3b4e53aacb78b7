// swift-tools-version: 6.2
// limits: the page-table core beside the fastest loops that do the same, in one process.

import PackageDescription

let package = Package(
  name: "limits",
  products: [.library(name: "Contestants", targets: ["Contestants"])],
  dependencies: [.package(name: "kvmpt", path: "../..")],
  targets: [
    .target(name: "CLimits"),
    .target(
      name: "Contestants",
      dependencies: [
        "CLimits",
        .product(name: "GuestMem", package: "kvmpt"), .product(name: "MMU", package: "kvmpt"),
      ]),
    .executableTarget(name: "limits", dependencies: ["CLimits", "Contestants"]),
  ],
  swiftLanguageModes: [.v6]
)
