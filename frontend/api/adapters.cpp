#include <nlohmann/json.hpp>

#include "frontend/adapters/adapter_memory.h"
#include "frontend/api/handles.h"
#include "frontend/router_report.h"

using namespace lorikeet;
using namespace lorikeet::api;

lk_status lk_adapter_open(lk_model* model, const char* folder, const lk_adapter_options* options,
                          lk_adapter** adapter) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_adapter_open", {model, folder, adapter}));
    *adapter = nullptr;
    LK_ASSIGN(const lk_adapter_options o, read_options(options, "lk_adapter_options"));
    LK_ASSIGN(Adapter opened, open_adapter(folder, adapter_base(model->model.checkpoint(), model->model.config())));
    if (o.notice)
      for (const std::string& warning : opened.warnings) o.notice(o.notice_user, warning.c_str());
    *adapter = new lk_adapter{model, std::move(opened)};
    ++model->children;
    return Done{};
  });
}

namespace {

Result<const RouterStatistics*> statistics_of(const lk_session& session, uint32_t adapter) {
  if (!session.routed)
    return invalid("the session does not observe adapters; lk_session_options.observe_adapters says that it shall.");
  if (adapter >= session.routed->size())
    return invalid(join("adapter ", adapter, " does not exist, the session has ", session.routed->size(), "."));
  const RouterStatistics& statistics = (*session.routed)[adapter];
  if (statistics.routers().empty()) return not_found(join("adapter ", adapter, " has no routers."));
  return &statistics;
}

}  // namespace

lk_status lk_session_adapter_routing_json(const lk_session* session, uint32_t adapter, char** text) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_adapter_routing_json", {session, text}));
    *text = nullptr;
    LK_ASSIGN(const RouterStatistics* statistics, statistics_of(*session, adapter));
    return copy_text(router_json(*statistics).dump(), text);
  });
}

lk_status lk_session_adapter_routing_svg(const lk_session* session, uint32_t adapter, char** text) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_adapter_routing_svg", {session, text}));
    *text = nullptr;
    LK_ASSIGN(const RouterStatistics* statistics, statistics_of(*session, adapter));
    return copy_text(router_svg(*statistics), text);
  });
}

lk_status lk_adapter_free(lk_adapter* adapter) { return release(adapter, "adapter"); }

lk_status lk_adapter_get_info(const lk_adapter* adapter, lk_adapter_info* info) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_adapter_get_info", {adapter, info}));
    const Adapter& a = adapter->adapter;
    const bool routed = !a.tensors.routers.empty();
    return write_struct(lk_adapter_info{sizeof(lk_adapter_info), name(a.config.kind).data(),
                                        a.config.settings_of_experts().r, routed ? a.config.experts : 1,
                                        uint32_t(a.tensors.routers.size()), AdapterMemory::bytes(a.tensors)},
                        info, "lk_adapter_info");
  });
}
