// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IRiskEnvelope} from "../interfaces/IRiskEnvelope.sol";
import {IDodonaRiskOracle, IRiskOracle} from "../interfaces/IRiskOracle.sol";
import {RiskSource} from "./RiskSource.sol";

/// @title RiskOracle
/// @notice See IDodonaRiskOracle. The owner names sources, once each, and the guardian; it cannot write, change or withhold an
/// update.
/// @dev Updates are kept packed; the strings and bytes that readers expect are put together when they are read.
contract RiskOracle is IDodonaRiskOracle, RiskSource {
    /// @dev One released update.
    struct Release {
        uint48 timestamp;
        uint64 observedAt;
        uint64 validUntil;
        uint32 previousId;
        uint32 entry;
        bool approved;
        bytes32 requestId;
        mapping(uint256 word => uint256) values;
    }

    /// @dev A vector that waits for the guardian.
    struct Held {
        uint64 heldAt;
        uint64 observedAt;
        uint64 validUntil;
        uint32 version;
        bytes32 requestId;
        mapping(uint256 word => uint256) values;
    }

    IRiskEnvelope private immutable _envelope;

    /// @inheritdoc IRiskOracle
    uint256 public updateCounter;
    /// @inheritdoc IDodonaRiskOracle
    address public guardian;

    mapping(uint256 updateId => Release) private _releases;
    mapping(uint32 entry => Held) private _held;

    /// @param owner_ names sources and the guardian.
    /// @param guardian_ releases or drops what the envelope holds; 0: nobody.
    /// @param oracle_ where answers come from.
    /// @param envelope_ what they must pass; its owner must `bind` it to this contract.
    /// @param srsDigest digest of the SRS that the oracle's router must use: keccak256 of a ceremony's `τG₂` in production, so
    /// that no flag and no later change lets proofs under the development SRS in.
    constructor(address owner_, address guardian_, IDodonaOracle oracle_, IRiskEnvelope envelope_, bytes32 srsDigest)
        RiskSource(owner_, oracle_)
    {
        bytes32 got = _router.srsDigest();
        if (got != srsDigest) revert SrsMismatch(srsDigest, got);
        _envelope = envelope_;
        _setGuardian(guardian_);
    }

    // ----------------------------------------------------------------- guardian

    /// @inheritdoc IDodonaRiskOracle
    function approve(address market, string calldata updateType, bytes32 requestId)
        external
        returns (uint256 updateId)
    {
        uint32 index = _heldBy(market, updateType, requestId);
        Entry storage entry = _entries[index];
        Held storage held = _held[index];
        uint256 expiresAt = _expiryOf(entry, held);
        if (block.timestamp > expiresAt) revert HeldExpired(expiresAt, block.timestamp);
        uint64 last = _lastObservedAt(index);
        if (held.observedAt <= last) revert ObservationNotNewer(last, held.observedAt);
        if (_router.isFrozen(held.version)) revert VerifierFrozen(held.version);
        Proven memory proven =
            Proven(requestId, held.version, held.observedAt, held.validUntil, _unpack(held.values, entry.count));
        delete held.requestId;
        (IRiskEnvelope.Verdict verdict, bytes memory reason) =
            _envelope.admit(_key(market, updateType), _previous(entry), proven.values, true);
        if (verdict != IRiskEnvelope.Verdict.Passed) revert HeldRefused(reason);
        updateId = _release(index, entry, proven, true);
        emit HeldApproved(requestId, msg.sender, updateId);
    }

    /// @inheritdoc IDodonaRiskOracle
    function dismiss(address market, string calldata updateType, bytes32 requestId) external {
        uint32 index = _heldBy(market, updateType, requestId);
        delete _held[index].requestId;
        emit HeldDismissed(requestId, msg.sender);
    }

    /// @inheritdoc IDodonaRiskOracle
    function setGuardian(address guardian_) external onlyOwner {
        _setGuardian(guardian_);
    }

    // ----------------------------------------------------------------- reading

    /// @inheritdoc IRiskOracle
    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory)
    {
        uint256 id = latestUpdateIdByMarketAndType(market, updateType);
        if (id == 0) revert NoUpdate(updateType, market);
        return getUpdateById(id);
    }

    /// @inheritdoc IRiskOracle
    function getUpdateById(uint256 updateId) public view returns (RiskParameterUpdate memory update) {
        Release storage release = _releaseOf(updateId);
        uint256[] memory previous;
        if (release.previousId != 0) previous = _valuesOf(release.previousId);
        return _compose(updateId, release, _valuesOf(updateId), previous);
    }

    /// @inheritdoc IRiskOracle
    function latestUpdateIdByMarketAndType(address market, string calldata updateType) public view returns (uint256) {
        return _entries[_find(market, updateType)].latestId;
    }

    /// @inheritdoc IDodonaRiskOracle
    function heldOf(address market, string calldata updateType) external view returns (HeldUpdate memory update) {
        uint32 index = _knownIndex(market, updateType);
        Held storage held = _held[index];
        if (held.requestId == 0) return update;
        update.requestId = held.requestId;
        update.verifierVersion = held.version;
        update.heldAt = held.heldAt;
        update.observedAt = held.observedAt;
        update.validUntil = held.validUntil;
        update.expiresAt = uint64(_expiryOf(_entries[index], held));
        update.values = _unpack(held.values, _entries[index].count);
    }

    /// @inheritdoc IDodonaRiskOracle
    function provenanceOf(uint256 updateId) external view returns (Provenance memory from) {
        Release storage release = _releaseOf(updateId);
        IDodonaOracle.Request memory asked = _oracle.requestOf(release.requestId);
        IDodonaOracle.Answer memory answer = _oracle.answerOf(release.requestId);
        from.requestId = release.requestId;
        from.modelId = asked.modelId;
        from.mode = asked.mode;
        from.verifierVersion = asked.verifierVersion;
        from.observedAt = release.observedAt;
        from.validUntil = release.validUntil;
        from.fulfilledAt = answer.fulfilledAt;
        from.approved = release.approved;
        from.answerHash = keccak256(abi.encode(release.requestId, answer));
    }

    /// @inheritdoc IDodonaRiskOracle
    function lastGood(address market, string calldata updateType)
        external
        view
        returns (uint256[] memory values, uint256 updateId, uint256 age, bool stale)
    {
        Entry storage entry = _known(market, updateType);
        updateId = entry.latestId;
        if (updateId == 0) return (values, 0, 0, true);
        values = _valuesOf(updateId);
        uint256 observedAt = _releases[updateId].observedAt;
        // With `allowLater` off an observation is never of the future; 0 keeps a wrong one from blocking readers.
        age = block.timestamp > observedAt ? block.timestamp - observedAt : 0;
        uint256 staleAfter = entry.source.staleAfter;
        stale = staleAfter != 0 && age > staleAfter;
    }

    /// @inheritdoc IDodonaRiskOracle
    function envelope() external view returns (address) {
        return address(_envelope);
    }

    // --------------------------------------------------------------- internals

    /// @inheritdoc RiskSource
    function _take(uint32 index, Entry storage entry, Proven memory proven)
        internal
        override
        returns (bytes memory reason)
    {
        uint256[] memory previous = _previous(entry);
        IRiskEnvelope.Verdict verdict;
        (verdict, reason) = _envelope.admit(_key(entry.market, entry.updateType), previous, proven.values, false);
        if (verdict == IRiskEnvelope.Verdict.Passed) {
            _release(index, entry, proven, false);
            return "";
        }
        if (verdict == IRiskEnvelope.Verdict.Rejected || entry.source.maxHeldAge == 0) return reason;
        return _hold(index, entry, proven, reason);
    }

    /// @dev A newer vector takes the place of an older one, never the reverse.
    function _hold(uint32 index, Entry storage entry, Proven memory proven, bytes memory why)
        private
        returns (bytes memory)
    {
        Held storage held = _held[index];
        if (held.requestId != 0 && proven.observedAt <= held.observedAt) {
            return abi.encodeWithSelector(ObservationNotNewer.selector, held.observedAt, proven.observedAt);
        }
        held.heldAt = uint64(block.timestamp);
        held.observedAt = proven.observedAt;
        held.validUntil = proven.validUntil;
        held.version = proven.version;
        held.requestId = proven.requestId;
        _pack(held.values, proven.values);
        emit UpdateHeld(proven.requestId, entry.market, entry.updateType, proven.values, why);
        return "";
    }

    function _release(uint32 index, Entry storage entry, Proven memory proven, bool approved)
        private
        returns (uint256 updateId)
    {
        updateId = ++updateCounter;
        uint32 previousId = entry.latestId;
        Release storage release = _releases[updateId];
        release.timestamp = uint48(block.timestamp);
        release.observedAt = proven.observedAt;
        release.validUntil = proven.validUntil;
        release.previousId = previousId;
        release.entry = index;
        release.approved = approved;
        release.requestId = proven.requestId;
        _pack(release.values, proven.values);
        entry.latestId = uint32(updateId);
        uint256[] memory previous;
        if (previousId != 0) previous = _valuesOf(previousId);
        _emitUpdate(_compose(updateId, release, proven.values, previous));
    }

    function _emitUpdate(RiskParameterUpdate memory update) private {
        emit ParameterUpdated(
            update.referenceId,
            update.newValue,
            update.previousValue,
            update.timestamp,
            update.updateType,
            update.updateId,
            update.market,
            update.additionalData
        );
    }

    function _compose(uint256 updateId, Release storage release, uint256[] memory values, uint256[] memory previous)
        private
        view
        returns (RiskParameterUpdate memory update)
    {
        Entry storage entry = _entries[release.entry];
        bytes32 requestId = release.requestId;
        update.timestamp = release.timestamp;
        update.newValue = abi.encode(values);
        update.referenceId = Strings.toHexString(uint256(requestId), 32);
        if (previous.length != 0) update.previousValue = abi.encode(previous);
        update.updateType = entry.updateType;
        update.updateId = updateId;
        update.market = entry.market;
        update.additionalData = abi.encode(requestId, entry.source.modelId, release.observedAt, release.validUntil);
    }

    /// @inheritdoc RiskSource
    function _lastObservedAt(uint32 index) internal view override returns (uint64) {
        return _releases[_entries[index].latestId].observedAt;
    }

    /// @inheritdoc RiskSource
    function _checkAgainst(bytes32 key, Source calldata source, uint16 outputs) internal view override {
        uint256 fields = _envelope.fieldCount(key);
        if (fields != outputs) revert BadSource("fields", fields);
        if (source.seed.length == 0) return;
        (IRiskEnvelope.Verdict verdict, bytes memory reason) =
            _envelope.preview(key, new uint256[](0), source.seed, false);
        if (verdict != IRiskEnvelope.Verdict.Passed) revert BadSeed(reason);
    }

    function _previous(Entry storage entry) private view returns (uint256[] memory) {
        uint32 latest = entry.latestId;
        return latest == 0 ? entry.source.seed : _valuesOf(latest);
    }

    function _valuesOf(uint256 updateId) private view returns (uint256[] memory) {
        Release storage release = _releases[updateId];
        return _unpack(release.values, _entries[release.entry].count);
    }

    function _releaseOf(uint256 updateId) private view returns (Release storage) {
        if (updateId == 0 || updateId > updateCounter) revert UpdateUnknown(updateId);
        return _releases[updateId];
    }

    function _heldBy(address market, string calldata updateType, bytes32 requestId)
        private
        view
        returns (uint32 index)
    {
        if (msg.sender != guardian) revert NotGuardian(guardian, msg.sender);
        index = _knownIndex(market, updateType);
        bytes32 got = _held[index].requestId;
        if (got == 0 || got != requestId) revert NotHeld(requestId, got);
    }

    /// @dev The earlier of `observedAt + maxHeldAge` and `validUntil`.
    function _expiryOf(Entry storage entry, Held storage held) private view returns (uint256 expiresAt) {
        expiresAt = uint256(held.observedAt) + entry.source.maxHeldAge;
        if (expiresAt > held.validUntil) expiresAt = held.validUntil;
    }

    function _setGuardian(address guardian_) private {
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }
}
