// Skips with a reason. Every reason is printed at the end of a run; one that is not on the list fails it.
#pragma once

#include <string>

namespace lorikeet::test {

enum class SkipReason {
  no_shared_goldens,   // ../shared is not beside the checkout
  no_demo_model,       // the demo's model is not in the cache folder
  no_device,           // no Vulkan device: allowed only outside CI
  no_capability,       // the device lacks what this variant needs
  no_test_tokenizers,  // LORIKEET_TEST_TOKENIZERS names no folder with this tokenizer
};

void skip(SkipReason reason, const std::string& what);
bool report_skips();  // prints the reasons with counts; false if a skip is not allowed in this run

}  // namespace lorikeet::test

// Leaves the test case.
#define LK_SKIP(reason, what)                                           \
  do {                                                                  \
    ::lorikeet::test::skip(::lorikeet::test::SkipReason::reason, what); \
    return;                                                             \
  } while (false)
