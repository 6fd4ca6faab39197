// Uses something of each archive, so that the link would fail if one were missing: the host part, the device part.
#include <cstdio>

#include "frontend/library.h"
#include "runtime/device/device.h"

int main() {
  const auto devices = lorikeet::Device::list(lorikeet::Options::from_environment());
  std::printf("lorikeet %s, %zu devices\n", std::string(lorikeet::version()).c_str(),
              devices ? devices.value().size() : 0);
  return lorikeet::version().empty() ? 1 : 0;
}
