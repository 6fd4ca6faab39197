// lorikeet doctor: is every kernel right on this very device?
#include <cstdio>

#include <nlohmann/json.hpp>

#include "frontend/doctor.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"

namespace lorikeet::tool {
namespace {

struct Arguments {
  DeviceOptions device;
  bool json = false, verbose = false;
};

void print(const DoctorReport& report, bool verbose) {
  size_t healthy = 0;
  for (const DoctorFinding& finding : report.findings) {
    healthy += finding.fault.empty();
    if (verbose && finding.fault.empty())
      std::printf("ok          %s: %s, %zu cases, worst error %.1e\n", finding.family.c_str(), finding.choice.c_str(),
                  finding.cases, finding.worst_error);
    if (!finding.fault.empty())
      std::printf("quarantined %s: %s (%s)\n", finding.family.c_str(), finding.choice.c_str(), finding.fault.c_str());
  }
  std::printf("%zu of %zu choices are right and deterministic on this device (%.1f s).\n", healthy,
              report.findings.size(), report.seconds);
}

void print_json(const Device& device, const DoctorReport& report) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const DoctorFinding& f : report.findings)
    findings.push_back({{"family", f.family},
                        {"choice", f.choice},
                        {"cases", f.cases},
                        {"worst_error", f.worst_error},
                        {"fault", f.fault}});
  std::printf("%s\n", nlohmann::ordered_json{{"device", device.profile().name},
                                             {"refused", report.refused},
                                             {"seconds", report.seconds},
                                             {"findings", findings}}
                          .dump()
                          .c_str());
}

Status run(const Arguments& a) {
  LK_ASSIGN(Device device, a.device.open());
  KernelLibrary kernels;
  ChoiceTable table = ChoiceTable::load(device.options().cache_folder(), device.profile());
  LK_ASSIGN(const DoctorReport report, examine(device, kernels, table, doctor_cases(device.profile())));
  LK_TRY(table.save());
  if (a.json) print_json(device, report);
  else print(report, a.verbose);
  if (report.refused)
    return unsupported(join("the plain kernels give wrong answers on ", device.profile().name,
                            ": it must not be used. Update its driver or choose another device."));
  return Done{};
}

}  // namespace

void add_doctor(CLI::App& program, Job& job) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("doctor", "Check every kernel on this very device; quarantine what is wrong");
  a->device.add(*command);
  command->add_flag("-v,--verbose", a->verbose, "Name the healthy choices as well");
  command->add_flag("--json", a->json, "One JSON object");
  command->footer(
      "The verdicts are kept in the cache folder, for this device and driver, and are used by every later run.\n"
      "Example:\n  lorikeet doctor --device llvmpipe -v");
  command->callback([a, &job] { job = [a] { return run(*a); }; });
}

}  // namespace lorikeet::tool
