"""What headers and sidecar files say of channels, beyond what MNE passes on."""
