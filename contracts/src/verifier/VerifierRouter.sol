// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IProofVerifier, IVerifierRouter} from "../interfaces/IVerifier.sol";

/// @title VerifierRouter
/// @notice See IVerifierRouter. The owner can add versions and nothing else.
contract VerifierRouter is IVerifierRouter, Ownable2Step {
    /// @inheritdoc IVerifierRouter
    bytes32 public immutable devSrsDigest;
    /// @inheritdoc IVerifierRouter
    bool public immutable allowsDev;
    /// @inheritdoc IVerifierRouter
    uint32 public versionCount;

    mapping(uint32 version => Version) private _versions;
    mapping(uint8 mode => mapping(uint32 shape => uint32)) private _latest;

    /// @param owner_ may add versions.
    /// @param devSrsDigest_ digest of the development SRS.
    /// @param allowsDev_ false in production: that SRS is refused by its digest.
    constructor(address owner_, bytes32 devSrsDigest_, bool allowsDev_) Ownable(owner_) {
        devSrsDigest = devSrsDigest_;
        allowsDev = allowsDev_;
    }

    /// @inheritdoc IVerifierRouter
    function addVersion(address verifier, bytes32 codeHash, bytes32 implementationCodeHash, bytes32 srsDigest_)
        external
        onlyOwner
        returns (uint32 version)
    {
        _checkCode(verifier, codeHash);
        bool dev = srsDigest_ == devSrsDigest;
        if (dev && !allowsDev) revert DevSrsRefused(srsDigest_);
        IProofVerifier wrapper = IProofVerifier(verifier);
        uint8 mode = wrapper.mode();
        if (mode > 1) revert UnknownMode(mode);
        uint32 shape = wrapper.shape();
        if (mode == 1) {
            if (shape == 0) revert ShapeMismatch(1, 0);
            _checkCode(wrapper.implementation(), implementationCodeHash);
        } else {
            if (shape != 0) revert ShapeMismatch(0, shape);
            if (implementationCodeHash != 0) revert CodeHashMismatch(0, implementationCodeHash);
        }
        version = ++versionCount;
        _versions[version] = Version(verifier, mode, shape, codeHash, implementationCodeHash, srsDigest_);
        _latest[mode][shape] = version;
        emit VersionAdded(version, verifier, mode, shape, srsDigest_, dev);
    }

    /// @inheritdoc IVerifierRouter
    function versionOf(uint32 version) public view returns (Version memory entry) {
        entry = _versions[version];
        if (entry.verifier == address(0)) revert VersionUnknown(version);
    }

    /// @inheritdoc IVerifierRouter
    function verifierOf(uint32 version) external view returns (address verifier) {
        verifier = _versions[version].verifier;
        if (verifier == address(0)) revert VersionUnknown(version);
    }

    /// @inheritdoc IVerifierRouter
    function latestOf(uint8 mode, uint32 shape) external view returns (uint32 version) {
        version = _latest[mode][shape];
        if (version == 0) revert NoVersion(mode, shape);
    }

    /// @inheritdoc IVerifierRouter
    function isDev(uint32 version) external view returns (bool) {
        return versionOf(version).srsDigest == devSrsDigest;
    }

    /// @inheritdoc IVerifierRouter
    function isFrozen(uint32) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IVerifierRouter
    function srsDigest() external view returns (bytes32) {
        return devSrsDigest;
    }

    /// @dev An account without code never passes: its hash is 0 or that of nothing.
    function _checkCode(address account, bytes32 expected) private view {
        bytes32 got = account.codehash;
        if (account.code.length == 0 || got != expected) revert CodeHashMismatch(expected, got);
    }
}
