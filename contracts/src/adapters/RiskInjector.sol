// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IRiskEnvelope} from "../interfaces/IRiskEnvelope.sol";
import {IRiskInjector} from "../interfaces/IRiskInjector.sol";
import {IDodonaRiskOracle, IRiskOracle} from "../interfaces/IRiskOracle.sol";
import {IRiskTarget} from "../interfaces/IRiskTarget.sol";

/// @title RiskInjector
/// @notice See IRiskInjector. One risk oracle, one update type, one protocol: all fixed when it is deployed.
/// @dev No delay of its own: releases keep theirs, only the newest is taken, and each once. A loan-to-value that may tighten
/// without delay so reaches the protocol without one.
contract RiskInjector is IRiskInjector, Ownable2Step {
    /// @notice Whose releases are injected.
    IDodonaRiskOracle public immutable riskOracle;
    /// @notice Its envelope.
    IRiskEnvelope public immutable envelope;
    /// @notice The protocol.
    IRiskTarget public immutable target;
    /// @notice Seconds after publication in which an update may be injected.
    uint64 public immutable timeToLive;
    /// @inheritdoc IRiskInjector
    string public updateType;
    /// @inheritdoc IRiskInjector
    address public guardian;
    /// @inheritdoc IRiskInjector
    bool public paused;

    /// @inheritdoc IRiskInjector
    mapping(address market => uint256) public injectedId;
    /// @inheritdoc IRiskInjector
    mapping(address market => bool) public isAllowed;
    /// @inheritdoc IRiskInjector
    mapping(uint256 updateId => bool) public isDisabled;

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian(guardian, msg.sender);
        _;
    }

    /// @param owner_ allows markets and names the guardian.
    /// @param guardian_ may stop injections.
    /// @param riskOracle_ whose releases are injected.
    /// @param target_ the protocol's adapter.
    /// @param updateType_ the vector that the adapter understands.
    /// @param timeToLive_ seconds after publication in which an update may be injected, not 0.
    constructor(
        address owner_,
        address guardian_,
        IDodonaRiskOracle riskOracle_,
        IRiskTarget target_,
        string memory updateType_,
        uint64 timeToLive_
    ) Ownable(owner_) {
        if (timeToLive_ == 0) revert ZeroTimeToLive();
        riskOracle = riskOracle_;
        envelope = IRiskEnvelope(riskOracle_.envelope());
        target = target_;
        updateType = updateType_;
        timeToLive = timeToLive_;
        _setGuardian(guardian_);
    }

    /// @inheritdoc IRiskInjector
    function inject(address market) public returns (uint256 updateId) {
        bytes memory reason;
        uint256[] memory before;
        uint256[] memory values;
        (reason, updateId, before, values) = _check(market);
        if (reason.length != 0) _revertWith(reason);
        injectedId[market] = updateId;
        emit Injected(market, updateId, before, values);
        target.set(market, values);
        before = target.current(market);
        for (uint256 i = 0; i < values.length; ++i) {
            if (before[i] != values[i]) revert NotSet(i, values[i], before[i]);
        }
    }

    /// @inheritdoc IRiskInjector
    function performUpkeep(bytes calldata performData) external {
        inject(abi.decode(performData, (address)));
    }

    /// @inheritdoc IRiskInjector
    function allowMarket(address market, bool allowed) external onlyOwner {
        isAllowed[market] = allowed;
        emit MarketAllowed(market, allowed);
    }

    /// @inheritdoc IRiskInjector
    function setGuardian(address guardian_) external onlyOwner {
        _setGuardian(guardian_);
    }

    /// @inheritdoc IRiskInjector
    function disableUpdate(uint256 updateId, bool disabled) external onlyGuardian {
        isDisabled[updateId] = disabled;
        emit UpdateDisabled(updateId, disabled);
    }

    /// @inheritdoc IRiskInjector
    function setPaused(bool paused_) external onlyGuardian {
        paused = paused_;
        emit PausedSet(paused_);
    }

    // ----------------------------------------------------------------- reading

    /// @inheritdoc IRiskInjector
    function canInject(address market) public view returns (bool ok, bytes memory reason) {
        (reason,,,) = _check(market);
        ok = reason.length == 0;
    }

    /// @inheritdoc IRiskInjector
    function checkUpkeep(bytes calldata checkData) external view returns (bool upkeepNeeded, bytes memory performData) {
        (upkeepNeeded,) = canInject(abi.decode(checkData, (address)));
        performData = checkData;
    }

    // --------------------------------------------------------------- internals

    function _check(address market)
        private
        view
        returns (bytes memory reason, uint256 updateId, uint256[] memory before, uint256[] memory values)
    {
        if (paused) return (abi.encodeWithSelector(InjectionPaused.selector), 0, before, values);
        if (!isAllowed[market]) return (abi.encodeWithSelector(MarketNotAllowed.selector, market), 0, before, values);
        updateId = riskOracle.latestUpdateIdByMarketAndType(market, updateType);
        reason = _updateRefusal(market, updateId);
        if (reason.length != 0) return (reason, updateId, before, values);
        IRiskOracle.RiskParameterUpdate memory update = riskOracle.getUpdateById(updateId);
        uint256 expiresAt = update.timestamp + timeToLive;
        if (block.timestamp > expiresAt) {
            reason = abi.encodeWithSelector(UpdateExpired.selector, expiresAt, block.timestamp);
            return (reason, updateId, before, values);
        }
        values = abi.decode(update.newValue, (uint256[]));
        before = target.current(market);
        reason = _stateRefusal(market, updateId, before, values);
    }

    function _updateRefusal(address market, uint256 updateId) private view returns (bytes memory) {
        if (updateId == 0) return abi.encodeWithSelector(NothingReleased.selector, market);
        if (updateId <= injectedId[market]) return abi.encodeWithSelector(AlreadyInjected.selector, updateId);
        if (isDisabled[updateId]) return abi.encodeWithSelector(DisabledUpdate.selector, updateId);
        return "";
    }

    /// @dev The full vector that would be in force: against the live value and the envelope's rules, then by the protocol.
    function _stateRefusal(address market, uint256 updateId, uint256[] memory before, uint256[] memory values)
        private
        view
        returns (bytes memory reason)
    {
        bool approved = riskOracle.provenanceOf(updateId).approved;
        reason = envelope.recheck(envelope.keyOf(market, updateType), before, values, approved);
        if (reason.length != 0) return abi.encodeWithSelector(EnvelopeRefused.selector, reason);
        reason = target.refusal(market, values);
        if (reason.length != 0) return abi.encodeWithSelector(TargetRefused.selector, reason);
    }

    function _setGuardian(address guardian_) private {
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }

    function _revertWith(bytes memory reason) private pure {
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }
}
