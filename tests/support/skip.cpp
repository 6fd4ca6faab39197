#include "tests/support/skip.h"

#include <cstdio>
#include <cstdlib>
#include <map>

namespace lorikeet::test {
namespace {

std::map<SkipReason, std::map<std::string, int>>& skips() {
  static std::map<SkipReason, std::map<std::string, int>> all;
  return all;
}

const char* sentence(SkipReason reason) {
  switch (reason) {
    case SkipReason::no_shared_goldens:
      return "shared reference data is missing";
    case SkipReason::no_demo_model:
      return "the demo's model is not in the cache";
    case SkipReason::no_device:
      return "no Vulkan device";
    case SkipReason::no_capability:
      return "the device lacks a capability";
    case SkipReason::no_test_tokenizers:
      return "no such file in the folder LORIKEET_TEST_TOKENIZERS";
  }
  return "unknown";
}

}  // namespace

void skip(SkipReason reason, const std::string& what) { ++skips()[reason][what]; }

bool report_skips() {
  const bool ci = std::getenv("CI") != nullptr;
  bool allowed = true;
  for (const auto& [reason, items] : skips()) {
    for (const auto& [what, count] : items)
      std::printf("SKIP (%s): %s, %d times\n", sentence(reason), what.c_str(), count);
    if (ci && (reason == SkipReason::no_device || reason == SkipReason::no_demo_model)) {
      std::printf("FAIL: not allowed in CI: %s.\n", sentence(reason));
      allowed = false;
    }
  }
  return allowed;
}

}  // namespace lorikeet::test
