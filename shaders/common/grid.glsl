// Numbers of workgroups that may exceed the 65,535 of one axis: the host spreads them over x and y (`spread`).
#ifndef LORIKEET_COMMON_GRID_GLSL
#define LORIKEET_COMMON_GRID_GLSL
uint group_number() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
#endif
