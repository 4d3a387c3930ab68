// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskTarget} from "../../src/interfaces/IRiskTarget.sol";

/// @notice A capped price of a staking token in its underlying: the market's ratio, but at most a snapshot's ratio grown at a
/// fixed rate since the snapshot's time.
contract CapoPrice {
    uint256 private constant YEAR = 365 days;

    uint256 public marketRatio;
    uint256 public snapshotRatio;
    uint256 public snapshotTime;
    uint256 public immutable maxGrowthBps;
    address public steward;

    error NotSteward(address got);

    constructor(uint256 ratio, uint256 time, uint256 maxGrowthBps_, uint256 marketRatio_) {
        (snapshotRatio, snapshotTime, maxGrowthBps, marketRatio) = (ratio, time, maxGrowthBps_, marketRatio_);
    }

    function setSteward(address steward_) external {
        steward = steward_;
    }

    function setSnapshot(uint256 ratio, uint256 time) external {
        if (msg.sender != steward) revert NotSteward(msg.sender);
        (snapshotRatio, snapshotTime) = (ratio, time);
    }

    function capOf(uint256 ratio, uint256 time) public view returns (uint256) {
        return ratio + ratio * maxGrowthBps * (block.timestamp - time) / (10_000 * YEAR);
    }

    function price() external view returns (uint256) {
        uint256 cap = capOf(snapshotRatio, snapshotTime);
        return marketRatio < cap ? marketRatio : cap;
    }
}

/// @notice Loans in the underlying against the staking token, at one threshold.
contract EModeMarket {
    struct Loan {
        uint256 collateral;
        uint256 debt;
    }

    CapoPrice public immutable capo;
    uint256 public immutable thresholdBps;
    Loan[] public loans;

    error Healthy(uint256 index);

    constructor(CapoPrice capo_, uint256 thresholdBps_) {
        (capo, thresholdBps) = (capo_, thresholdBps_);
    }

    function open(uint256 collateral, uint256 debt) external {
        loans.push(Loan(collateral, debt));
    }

    function isLiquidatable(uint256 index) public view returns (bool) {
        Loan memory loan = loans[index];
        return loan.debt * 10_000 * 1e18 > loan.collateral * capo.price() * thresholdBps;
    }

    /// @return seized the whole collateral: how it is shared out is not the subject.
    function liquidate(uint256 index) external returns (uint256 seized) {
        if (!isLiquidatable(index)) revert Healthy(index);
        seized = loans[index].collateral;
        delete loans[index];
    }

    function count() external view returns (uint256) {
        return loans.length;
    }
}

/// @notice A steward that bounds each field by itself: the ratio's rate, the time's age; no word about the pair.
contract PerFieldSteward {
    uint256 public constant MAX_STEP_BPS = 300;
    uint256 public constant MIN_DELAY = 3 days;
    uint256 public constant MIN_AGE = 7 days;

    CapoPrice public immutable capo;
    uint256 public updatedAt;

    error TooSoon();
    error RatioTooHigh(uint256 max, uint256 got);
    error TimeRefused(uint256 got);

    constructor(CapoPrice capo_) {
        capo = capo_;
    }

    function maxRatio() public view returns (uint256) {
        return capo.snapshotRatio() * (10_000 + MAX_STEP_BPS) / 10_000;
    }

    function update(uint256 ratio, uint256 time) external {
        if (block.timestamp < updatedAt + MIN_DELAY) revert TooSoon();
        if (ratio > maxRatio()) revert RatioTooHigh(maxRatio(), ratio);
        if (time < capo.snapshotTime() || time > block.timestamp - MIN_AGE) revert TimeRefused(time);
        updatedAt = block.timestamp;
        capo.setSnapshot(ratio, time);
    }
}

/// @notice The adapter between an injector and `CapoPrice`. `[ratio, time]`; refuses a pair whose cap lies below the market.
contract CapoTarget is IRiskTarget {
    CapoPrice public immutable capo;
    address public injector;

    error NotInjector(address got);
    error CapBelowMarket(uint256 cap, uint256 market);

    constructor(CapoPrice capo_) {
        capo = capo_;
    }

    function setInjector(address injector_) external {
        injector = injector_;
    }

    function current(address) external view returns (uint256[] memory values) {
        values = new uint256[](2);
        (values[0], values[1]) = (capo.snapshotRatio(), capo.snapshotTime());
    }

    function refusal(address, uint256[] calldata values) external view returns (bytes memory) {
        uint256 cap = capo.capOf(values[0], values[1]);
        uint256 market = capo.marketRatio();
        return cap < market ? abi.encodeWithSelector(CapBelowMarket.selector, cap, market) : bytes("");
    }

    function set(address, uint256[] calldata values) external {
        if (msg.sender != injector) revert NotInjector(msg.sender);
        capo.setSnapshot(values[0], values[1]);
    }
}
