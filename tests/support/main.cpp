#ifndef LORIKEET_CATCH2_V3
#define CATCH_CONFIG_RUNNER
#endif
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"

int main(int argc, char** argv) {
  const int status = Catch::Session().run(argc, argv);
  const bool clean = lorikeet::test::finish_devices();
  const bool allowed = lorikeet::test::report_skips();
  return clean && allowed ? status : 1;
}
