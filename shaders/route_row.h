// Params of route_row.
#include "shaders/route.h"
#include "shaders/work_list.h"
LK_PARAMS_BEGIN
const uint kRouteRowConsumers = 2u;  // grouped products that its list serves: one or two
const uint kRouteRowExperts = 16u;

struct RouteRowParams {
  RoutePolicy policy;
  uint columns;  // of h
  uint units;    // in a row of the router
  uint row;      // of the router, in its page
  uint norm_at;  // where the vectors begin in their buffers
  uint bias_at;
  float eps;
  uint consumers;
  uint rows_at;  // word offsets of the work list
  uint places_at;
  uint starts_at;
  uint tiles_at;
  uint window_0;  // of the first grouped product: experts of a window ...
  uint width_0;   // ... and workgroups along the outputs
  uint window_1;  // of the second one
  uint width_1;
};
LK_PARAMS_END
