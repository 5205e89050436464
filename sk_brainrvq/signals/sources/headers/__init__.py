"""Information on channels in headers and sidecar files that MNE does not pass on."""
